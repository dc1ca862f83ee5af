//go:build darwin || dragonfly || freebsd || linux || netbsd || openbsd

package lock

import (
	"errors"
	"fmt"
	"os"
	"syscall"
)

// stale is the end of a message: none, since here a lock ends with its process.
const stale = ""

// try takes the lock or says who holds it. The file stays: if it were removed, two processes could
// hold locks on two files of one name.
func try(path string, open Open) (unlock func(), err error) {
	f, err := open(path, os.O_RDWR|os.O_CREATE)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		if err == nil {
			sign(f)
			return func() { f.Close() }, nil
		}
		defer f.Close()
		switch {
		case errors.Is(err, syscall.EWOULDBLOCK):
			return nil, &Held{path, holder(f)}
		case errors.Is(err, syscall.ENOSYS), errors.Is(err, syscall.ENOTSUP), errors.Is(err, syscall.ENOLCK):
			return nil, fmt.Errorf("%w: flock of %s: %w", errors.ErrUnsupported, path, err)
		}
		return nil, &os.PathError{Op: "flock", Path: path, Err: err}
	}
}
