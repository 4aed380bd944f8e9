module clientct.test/goclient

go 1.19
