package lock

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// Who comes second is told who came first; a lock that was released is free.
func TestTry(t *testing.T) {
	path := filepath.Join(t.TempDir(), ".lock")
	unlock, err := Try(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = Try(path)
	var held *Held
	if !errors.As(err, &held) || !strings.Contains(err.Error(), fmt.Sprintf("process %d on ", os.Getpid())) {
		t.Errorf("the second got %v, want the first's process", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	open := func(p string, flag int) (*os.File, error) { return os.OpenFile(p, flag, 0o666) }
	if _, err := Wait(ctx, path, open, cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("waiting in vain gave %v", err)
	}
	unlock()
	if unlock, err = Try(path); err != nil {
		t.Fatalf("a released lock: %v", err)
	}
	unlock()
	if _, err := Try(filepath.Join(path, "none", ".lock")); err == nil || errors.As(err, &held) {
		t.Errorf("a folder that is not there gave %v", err)
	}
}

// Who waits for another is told so and can be stopped; nobody waits for a free lock.
func TestWait(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	open := func(p string, flag int) (*os.File, error) { return os.OpenFile(p, flag, 0o666) }
	unlock, err := Wait(t.Context(), path, open, func() { t.Error("waited for nobody") })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	if _, err := Wait(ctx, path, open, cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	unlock()
	unlock, err = Wait(t.Context(), path, open, func() { t.Error("waited for a lock that was released") })
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}
