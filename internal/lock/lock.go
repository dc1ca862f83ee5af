// Package lock keeps two processes from writing to one place.
package lock

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Open opens a lock's file, as os.OpenFile does with a mode.
type Open func(path string, flag int) (*os.File, error)

// Held says that another holds a lock.
type Held struct {
	Path string // of the lock's file
	By   string // "process 123 on HOST", or "" where the file does not say
}

func (h *Held) Error() string {
	by := h.By
	if by == "" {
		by = "another process"
	}
	return fmt.Sprintf("%s is held by %s%s", h.Path, by, stale)
}

// Wait takes a lock that ends with the process, and waits for it if another process holds it. It
// calls waiting once if it has to wait. unlock releases the lock.
func Wait(ctx context.Context, path string, open Open, waiting func()) (unlock func(), err error) {
	for first := true; ; first = false {
		unlock, err := try(path, open)
		var held *Held
		if !errors.As(err, &held) {
			return unlock, err
		}
		if first {
			waiting()
		}
		select {
		case <-ctx.Done():
			return nil, fmt.Errorf("waiting for %s%s: %w", path, stale, ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// Try takes a lock that ends with the process. unlock releases it. If another process holds the lock,
// the error is a *Held. If the file system has no locks, it wraps errors.ErrUnsupported.
func Try(path string) (unlock func(), err error) {
	return try(path, func(path string, flag int) (*os.File, error) { return os.OpenFile(path, flag, 0o666) })
}

// sign writes who holds the lock into its file, for the message to other processes.
func sign(f *os.File) {
	host, _ := os.Hostname()
	if f.Truncate(0) == nil {
		_, _ = f.WriteAt(fmt.Appendf(nil, "process %d on %s\n", os.Getpid(), host), 0)
	}
}

// holder reads what sign wrote, as far as it is there.
func holder(r io.Reader) string {
	b, _ := io.ReadAll(io.LimitReader(r, 300))
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}
