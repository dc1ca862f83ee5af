package record

import (
	"bytes"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
)

// TestFullDisk writes more than the process may put into one file, which fails
// in the middle as a full disk does. The limit holds for the whole process, so
// the test runs itself in another.
func TestFullDisk(t *testing.T) {
	const variable = "COLLAPSE_TEST_FULL_DISK"
	if path := os.Getenv(variable); path != "" {
		signal.Ignore(syscall.SIGXFSZ)
		limit := syscall.Rlimit{Cur: 1000, Max: 1000}
		if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &limit); err != nil {
			t.Fatal(err)
		}
		if err := WriteFileAtomic(path, make([]byte, 5000)); err == nil {
			t.Fatal("5000 bytes were written under a limit of 1000")
		}
		return
	}
	dir := t.TempDir()
	path := filepath.Join(dir, "record.json")
	if err := os.WriteFile(path, []byte("old"), 0o644); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(os.Args[0], "-test.run=^TestFullDisk$")
	cmd.Env = append(os.Environ(), variable+"="+path)
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	if b, err := os.ReadFile(path); err != nil || !bytes.Equal(b, []byte("old")) {
		t.Errorf("after a failed write the file holds %q, %v; want the old bytes", b, err)
	}
	if got := files(t, dir); len(got) != 1 {
		t.Errorf("left behind: %v, want [record.json]", got)
	}
}
