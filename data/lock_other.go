//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package data

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"
)

// lock creates a file that no other process may create meanwhile, waiting for
// whoever has, and returns what removes it. waiting is called once if it has to
// wait. A killed process leaves the file: the message says so.
func lock(ctx context.Context, path string, open func(path string, flag int) (*os.File, error), waiting func()) (unlock func(), err error) {
	for first := true; ; first = false {
		f, err := open(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL)
		if err == nil {
			return func() { f.Close(); os.Remove(path) }, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return nil, err
		}
		if first {
			waiting()
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("%w; if no other process is installing, remove %s", ctx.Err(), path)
		case <-time.After(100 * time.Millisecond):
		}
	}
}
