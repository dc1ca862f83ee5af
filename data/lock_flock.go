//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package data

import (
	"context"
	"errors"
	"os"
	"syscall"
	"time"
)

// lock takes a lock that ends with the process, waiting for whoever holds it, and
// returns what releases it. waiting is called once if it has to wait. The file
// stays: removing it would let two processes hold locks on two files of one name.
func lock(ctx context.Context, path string, open func(path string, flag int) (*os.File, error), waiting func()) (unlock func(), err error) {
	f, err := open(path, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	for first := true; ; first = false {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { f.Close() }, nil
		}
		if !errors.Is(err, syscall.EWOULDBLOCK) && !errors.Is(err, syscall.EINTR) {
			f.Close()
			return nil, &os.PathError{Op: "flock", Path: path, Err: err}
		}
		if first {
			waiting()
		}
		select {
		case <-ctx.Done():
			f.Close()
			return nil, ctx.Err()
		case <-time.After(100 * time.Millisecond):
		}
	}
}
