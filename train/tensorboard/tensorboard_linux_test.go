package tensorboard

import (
	"os/signal"
	"syscall"
	"testing"
	"time"
)

// A write that fails, as on a full disk, leaves whole events, and the writer goes
// on when there is room again.
func TestFullDisk(t *testing.T) {
	dir := t.TempDir()
	w, err := Create(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	scalars := func(step int64) error { return w.Scalars(step, time.Unix(1, 0), map[string]float64{"loss/train": 1}) }
	if err := scalars(1); err != nil {
		t.Fatal(err)
	}
	signal.Ignore(syscall.SIGXFSZ)
	defer signal.Reset(syscall.SIGXFSZ)
	var old syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: uint64(w.size) + 10,
		Max: old.Max}); err != nil {
		t.Fatal(err)
	}
	failed := scalars(2)
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &old); err != nil {
		t.Fatal(err)
	}
	if failed == nil {
		t.Error("no error beyond the limit")
	}
	if n := len(events(t, dir)); n != 2 {
		t.Errorf("%d events, want 2", n)
	}
	if err := scalars(3); err != nil {
		t.Fatal(err)
	}
	if e := events(t, dir); len(e) != 3 || e[2].step != 3 {
		t.Errorf("events %+v, want the third step last", e)
	}
}
