//go:build unix

package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"github.com/gocollapse/collapse/data/archive/archivetest"
)

// Variables of the environment that make a child process of the test binary fetch the small set of
// the parent's server.
const (
	childURL  = "COLLAPSE_TEST_URL"  // of the archive's folder
	childBody = "COLLAPSE_TEST_BODY" // file of the archive
	childDir  = "COLLAPSE_TEST_DIR"  // to install in
	childKill = "COLLAPSE_TEST_KILL" // bytes written after which the child kills itself; −1 never
)

func TestMain(m *testing.M) {
	if url := os.Getenv(childURL); url != "" {
		fmt.Println(child(url))
		os.Exit(0)
	}
	os.Exit(m.Run())
}

// child fetches and returns the error, nil in words.
func child(url string) error {
	b, err := os.ReadFile(os.Getenv(childBody))
	if err != nil {
		return err
	}
	room, err := strconv.ParseInt(os.Getenv(childKill), 10, 64)
	if err != nil {
		return err
	}
	a := mini(b, url)
	inst := newInstallation(a, in(a, os.Getenv(childDir)))
	if room >= 0 {
		limit(inst, archivetest.NewLimit(room, dieAfter))
	}
	_, err = inst.fetch(context.Background())
	return err
}

// dieAfter writes what has room and kills the process, as kill −9 does.
func dieAfter(w io.Writer, p []byte, left int64) (int, error) {
	if n, err := w.Write(p[:left]); err != nil {
		return n, err
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		return 0, err
	}
	select {} // until the signal comes
}

// start returns the test binary as a child that fetches.
func start(t *testing.T, url, body, dir string, kill int64) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe)
	c.Env = append(os.Environ(), childURL+"="+url, childBody+"="+body, childDir+"="+dir,
		fmt.Sprintf("%s=%d", childKill, kill))
	return c
}

// A process that is killed at any byte of the download or of the unpacking leaves nothing that
// looks like the set; the next one takes up what is there.
func TestKilled(t *testing.T) {
	body := pack(t, entries())
	file := packed(t, body)
	n := int64(len(body))
	for _, at := range []int64{0, n / 2, n - 1, n, n + 1, n + 3*fileSize, n + 6*fileSize} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			s := serve(t, body)
			a := mini(body, s.URL)
			dir := t.TempDir()
			out, err := start(t, s.URL, file, dir, at).Output()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("the child was not killed: %v, %s", err, out)
			}
			if _, found := a.Locate(dir); found {
				t.Fatal("the killed process left a folder that looks like the set")
			}
			if _, err := a.Fetch(t.Context(), in(a, dir)); err != nil {
				t.Fatal(err)
			}
			wantInstalled(t, a, dir)
			if at >= n && len(s.Ranges) != 1 {
				t.Errorf("%d requests, want 1: the archive was whole when the child was killed", len(s.Ranges))
			}
			if at > 0 && at < n && s.Ranges[len(s.Ranges)-1] == "" {
				t.Error("what the killed process had loaded was loaded again")
			}
		})
	}
}

// Processes that fetch the same set at once load it once.
func TestProcessesAtOnce(t *testing.T) {
	body := pack(t, entries())
	s := serve(t, body)
	dir := t.TempDir()
	var all []*exec.Cmd
	outs := make([]strings.Builder, 3)
	for i := range outs {
		c := start(t, s.URL, packed(t, body), dir, -1)
		c.Stdout = &outs[i]
		if err := c.Start(); err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	for i, c := range all {
		if err := c.Wait(); err != nil || outs[i].String() != "<nil>\n" {
			t.Errorf("process %d: %v, %s", i, err, outs[i].String())
		}
	}
	wantInstalled(t, mini(body, s.URL), dir)
	if len(s.Ranges) != 1 {
		t.Errorf("%d downloads, want 1", len(s.Ranges))
	}
}
