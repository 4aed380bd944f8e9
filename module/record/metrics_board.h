/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a process counts: memory that its later children share, and a file that shows what stands in it. The file is
 * mapped, but the process never touches the mapping: the kernel copies into it (process_vm_writev) and answers with
 * EFAULT where a page of the file is gone, which the process itself would be told with SIGBUS. No descriptor is kept: a
 * daemon would close it and reuse its number; a chroot and another user change nothing; nothing grows, so no limit of
 * file sizes is met.
 */
#ifndef CT_METRICS_BOARD_H
#define CT_METRICS_BOARD_H

#include "base/shared.h"
#include "record/metrics_file.h"

struct ct_metrics_board; /* opaque; safe with threads and between processes; nothing here waits */

/*
 * A new file `path`, which must not exist, showing `head` (identity and gauges; its magic is set here). NULL: errno is
 * EEXIST where another name may help. Free with ct_metrics_board_free, which leaves the file as it is.
 */
struct ct_metrics_board *ct_metrics_board_new(const char *path, const struct ct_metrics_file *head) CT_MUST_USE;
/*
 * The same in a file of ct_metrics_board_size() bytes that no process has mapped, open as `fd`, with the name `path`:
 * what stands in it is overwritten with `head`, which has its counts. The descriptor is not kept.
 */
struct ct_metrics_board *ct_metrics_board_new_in(int fd, const char *path,
                                                 const struct ct_metrics_file *head) CT_MUST_USE;
size_t ct_metrics_board_size(void);
void ct_metrics_board_free(void *board);

/* To count in, with atomic additions, followed by ct_metrics_board_show. */
struct ct_metrics_file *ct_metrics_board_file(struct ct_metrics_board *board);
void ct_metrics_board_set_gauges(struct ct_metrics_board *board, const struct ct_metrics_gauges *gauges);

/*
 * Brings the file up to date, or leaves that to another thread or process that is just at it. False: somebody has cut
 * the file; what was counted stays on the board.
 */
bool ct_metrics_board_show(struct ct_metrics_board *board) CT_MUST_USE;
/*
 * For the process that made the board, by one thread at a time. Whether somebody has removed the file: not where that
 * cannot be told, for example in another root directory.
 */
bool ct_metrics_board_is_removed(const struct ct_metrics_board *board) CT_MUST_USE;
/* Likewise: a new file in place of one that was cut or removed, for all that it has counted. */
bool ct_metrics_board_move(struct ct_metrics_board *board, const char *path) CT_MUST_USE;

#endif
