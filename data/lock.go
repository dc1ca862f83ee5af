package data

import (
	"context"
	"os"

	filelock "github.com/gocollapse/collapse/internal/lock"
)

// lock is lock.Wait, with a disk's way to open files.
func lock(ctx context.Context, path string, open func(path string, flag int) (*os.File, error), waiting func()) (unlock func(), err error) {
	return filelock.Wait(ctx, path, open, waiting)
}
