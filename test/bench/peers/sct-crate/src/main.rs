// SPDX-License-Identifier: Apache-2.0
//! Checks a list of SCTs over a finished certificate with the crate `sct` (that of rustls, on ring).
//! usage: verify CERTIFICATE.der LIST.sct LOGS ROUNDS; prints the median of nanoseconds for the whole list.
//! LOGS has a line "ID-IN-HEX KEY-IN-HEX" for each log, the key being the point of its SubjectPublicKeyInfo.
use std::time::{Instant, SystemTime, UNIX_EPOCH};

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len() / 2).map(|i| u8::from_str_radix(&hex[2 * i..2 * i + 2], 16).unwrap()).collect()
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    let certificate = std::fs::read(&arguments[1]).unwrap();
    let list = std::fs::read(&arguments[2]).unwrap();
    let known: Vec<([u8; 32], Vec<u8>)> = std::fs::read_to_string(&arguments[3])
        .unwrap()
        .lines()
        .map(|line| line.split_once(' ').unwrap())
        .map(|(id, key)| (bytes(id).try_into().unwrap(), bytes(key)))
        .collect();
    let logs: Vec<sct::Log> = known
        .iter()
        .map(|(id, key)| sct::Log {
            description: "",
            url: "",
            operated_by: "",
            key,
            id: *id,
            max_merge_delay: 86400,
        })
        .collect();
    let logs: Vec<&sct::Log> = logs.iter().collect();
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as u64;
    let rounds: usize = arguments[4].parse().unwrap();
    let mut times: Vec<u128> = (0..rounds)
        .map(|_| {
            let start = Instant::now();
            let mut rest = &list[2..];
            while !rest.is_empty() {
                let end = 2 + usize::from(rest[0]) * 256 + usize::from(rest[1]);
                sct::verify_sct(&certificate, &rest[2..end], now, &logs).expect("an SCT does not verify");
                rest = &rest[end..];
            }
            start.elapsed().as_nanos()
        })
        .collect();
    times.sort();
    println!("{}", times[rounds / 2]);
}
