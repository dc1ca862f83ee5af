//go:build unix

package data

import (
	"context"
	"crypto/md5"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// Variables of the environment that make a child process of the test binary fetch the
// small CIFAR-10 of the parent's server.
const (
	childURL  = "COLLAPSE_TEST_URL"  // of the archive's folder
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
	body := os.Getenv("COLLAPSE_TEST_BODY")
	b, err := os.ReadFile(body)
	if err != nil {
		return err
	}
	room, err := strconv.ParseInt(os.Getenv(childKill), 10, 64)
	if err != nil {
		return err
	}
	f := newFetcher(Options{})
	if room >= 0 {
		d := new(deadly)
		d.room.Store(room)
		f.disk.create = d.create
	}
	o := Options{Dir: os.Getenv(childDir)}
	_, err = miniArchive(b, url).fetch(context.Background(), o, f)
	return err
}

// deadly kills the process, as kill −9 does, once so many bytes are written.
type deadly struct{ room atomic.Int64 }

type deadlyFile struct {
	outFile
	d *deadly
}

func (d *deadly) create(path string, flag int) (outFile, error) {
	f, err := osDisk.create(path, flag)
	return deadlyFile{f, d}, err
}

func (f deadlyFile) Write(p []byte) (int, error) {
	left := f.d.room.Add(-int64(len(p)))
	if left >= 0 {
		return f.outFile.Write(p)
	}
	if n, err := f.outFile.Write(p[:int64(len(p))+left]); err != nil {
		return n, err
	}
	if err := syscall.Kill(os.Getpid(), syscall.SIGKILL); err != nil {
		return 0, err
	}
	select {} // until the signal comes
}

// ReadFrom must not be that of the file, which would go round Write.
func (f deadlyFile) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{f}, r)
}

// start runs the test binary as a child that fetches.
func start(t *testing.T, url, bodyFile, dir string, kill int64) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	c := exec.Command(exe)
	c.Env = append(os.Environ(), childURL+"="+url, childDir+"="+dir, fmt.Sprintf("%s=%d", childKill, kill), "COLLAPSE_TEST_BODY="+bodyFile)
	return c
}

func bodyFile(t *testing.T, body []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "body")
	if err := os.WriteFile(path, body, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// A process that is killed at any byte of the download or of the unpacking leaves
// nothing that looks like the set; the next one takes up what is there.
func TestKilled(t *testing.T) {
	body := pack(t, official())
	file := bodyFile(t, body)
	n := int64(len(body))
	for _, at := range []int64{0, n / 2, n - 1, n, n + 1, n + 3*miniRecords*cifarRecord, n + 6*miniRecords*cifarRecord} {
		t.Run(fmt.Sprint(at), func(t *testing.T) {
			s := serve(t, body)
			a := miniArchive(body, s.URL)
			dir := t.TempDir()
			out, err := start(t, s.URL, file, dir, at).Output()
			var exit *exec.ExitError
			if !errors.As(err, &exit) || exit.Sys().(syscall.WaitStatus).Signal() != syscall.SIGKILL {
				t.Fatalf("the child was not killed: %v, %s", err, out)
			}
			if _, found := a.locate(dir); found {
				t.Fatal("the killed process left a folder that looks like the set")
			}
			o := Options{Dir: dir}
			if _, err := a.fetch(t.Context(), o, newFetcher(o)); err != nil {
				t.Fatal(err)
			}
			wantInstalled(t, a, dir)
			if at >= n && len(s.ranges) != 1 {
				t.Errorf("%d requests, want 1: the archive was whole when the child was killed", len(s.ranges))
			}
			if at > 0 && at < n && s.ranges[len(s.ranges)-1] == "" {
				t.Error("what the killed process had loaded was loaded again")
			}
		})
	}
}

// Processes that fetch the same set at once load it once.
func TestProcessesAtOnce(t *testing.T) {
	body := pack(t, official())
	s := serve(t, body)
	dir := t.TempDir()
	var all []*exec.Cmd
	outs := make([]strings.Builder, 3)
	for i := range outs {
		c := start(t, s.URL, bodyFile(t, body), dir, -1)
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
	wantInstalled(t, miniArchive(body, s.URL), dir)
	if len(s.ranges) != 1 {
		t.Errorf("%d downloads, want 1", len(s.ranges))
	}
}

// A file system that can only be read is said to be one, wherever the first write
// to it is, and the remedy with it.
func TestReadOnly(t *testing.T) {
	body := pack(t, official())
	s := serve(t, body)
	a := miniArchive(body, s.URL)
	fault := func(op, path string) error { return &os.PathError{Op: op, Path: path, Err: syscall.EROFS} }
	for _, c := range []struct {
		name string
		set  func(d *disk)
	}{
		{"folder", func(d *disk) { d.mkdirAll = func(p string) error { return fault("mkdir", p) } }},
		{"lock", func(d *disk) { d.lock = func(p string, _ int) (*os.File, error) { return nil, fault("open", p) } }},
		{"part", func(d *disk) { d.create = func(p string, _ int) (outFile, error) { return nil, fault("open", p) } }},
		{"new folder", func(d *disk) { d.mkdirTemp = func(p, _ string) (string, error) { return "", fault("mkdir", p) } }},
		{"rename", func(d *disk) { d.rename = func(p, _ string) error { return fault("rename", p) } }},
	} {
		t.Run(c.name, func(t *testing.T) {
			dir := t.TempDir()
			o := Options{Dir: dir}
			f := newFetcher(o)
			c.set(&f.disk)
			_, err := a.fetch(t.Context(), o, f)
			wantError(t, err, "read-only file system", EnvDir+"=FOLDER")
			if !errors.Is(err, syscall.EROFS) {
				t.Error("the error is not EROFS")
			}
			if _, found := a.locate(dir); found {
				t.Error("a folder was left that looks like the set")
			}
			if _, err := a.fetch(t.Context(), o, newFetcher(o)); err != nil {
				t.Fatal(err)
			}
			wantInstalled(t, a, dir)
		})
	}
}

// An address that fails gives way to a mirror, which goes on with what is there;
// if all fail, each is named.
func TestMirrors(t *testing.T) {
	body := pack(t, official())
	n, half := len(body), len(body)/2
	bad := serve(t, body, hangUp(200, map[string]string{"Content-Length": fmt.Sprint(n)}, body, half), answer(403, ""), answer(403, ""), answer(403, ""))
	good := serve(t, body)
	a := miniArchive(body, bad.URL)
	a.Sources[0].URLs = append(a.Sources[0].URLs, good.URL+"/cifar-10-binary.tar.gz")
	o := Options{Dir: t.TempDir()}
	if _, err := a.fetch(t.Context(), o, newFetcher(o)); err != nil {
		t.Fatal(err)
	}
	wantInstalled(t, a, o.Dir)
	if want := fmt.Sprintf("[bytes=%d-]", half); fmt.Sprint(good.ranges) != want {
		t.Errorf("the mirror was asked for %v, want %s", good.ranges, want)
	}
	good.faults = []http.HandlerFunc{answer(404, "")}
	o.Dir = t.TempDir()
	_, err := a.fetch(t.Context(), o, newFetcher(o))
	wantError(t, err, "403", "404", bad.URL, good.URL, "--from")
}

// A server that sends nothing more is given up after a while, and its transfer
// taken up; one that is only slow is waited for.
func TestSlowAndStalled(t *testing.T) {
	body := pack(t, official())
	n, half := len(body), len(body)/2
	release := make(chan struct{})
	t.Cleanup(func() { close(release) })
	hang := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(n))
		w.Write(body[:half])
		w.(http.Flusher).Flush()
		select {
		case <-r.Context().Done():
		case <-release:
		}
	}
	drip := func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Range", fmt.Sprintf("bytes %d-%d/%d", half, n-1, n))
		w.Header().Set("Content-Length", fmt.Sprint(n-half))
		w.WriteHeader(http.StatusPartialContent)
		for b := body[half:]; len(b) > 0; b = b[min(len(b), 997):] {
			w.Write(b[:min(len(b), 997)])
			w.(http.Flusher).Flush()
		}
	}
	s := serve(t, body, hang, drip)
	a := miniArchive(body, s.URL)
	// The watch finds the stall once all that came before it is written, not by the
	// clock.
	var stall func()
	var once sync.Once
	o := Options{Dir: t.TempDir(), Progress: func(done, _ int64) {
		if done == int64(half) {
			once.Do(stall)
		}
	}}
	f := newFetcher(o)
	f.watch = func(stalled func()) (moved, stop func()) {
		stall = stalled
		return func() {}, func() {}
	}
	if _, err := a.fetch(t.Context(), o, f); err != nil {
		t.Fatal(err)
	}
	wantInstalled(t, a, o.Dir)
	if len(s.ranges) != 2 {
		t.Errorf("%d requests, want 2", len(s.ranges))
	}
}

// A set of several files goes on at the one that broke, and progress counts them
// together.
func TestSeveralFiles(t *testing.T) {
	files, _ := idxSet(t, 30, 20, true)
	d := miniMNIST(30, 20)
	a := d.archive
	a.Sources, a.Files = nil, nil
	asked := map[string]int{}
	broken := true
	s := serve(t, nil)
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := filepath.Base(r.URL.Path)
		asked[name]++
		if broken && name == idxNames[2] {
			http.Error(w, "", http.StatusBadGateway)
			return
		}
		http.ServeContent(w, r, name, time.Time{}, strings.NewReader(string(files[name])))
	})
	for _, name := range idxNames {
		sum := fmt.Sprintf("%x", md5.Sum(files[name]))
		a.Sources = append(a.Sources, source{URLs: []string{s.URL + "/" + name}, Size: int64(len(files[name])), MD5: sum})
		a.Files = append(a.Files, member{Name: name, Max: 1 << 20, MD5: sum})
	}
	dir := t.TempDir()
	var last, total int64
	o := Options{Dir: dir, Progress: func(done, n int64) {
		if done < last {
			t.Errorf("progress went from %d back to %d", last, done)
		}
		last, total = done, n
	}}
	_, err := a.fetch(t.Context(), o, newFetcher(o))
	wantError(t, err, "502", "the folder that holds train-images-idx3-ubyte.gz")
	broken, last = false, 0
	if _, err := a.fetch(t.Context(), o, newFetcher(o)); err != nil {
		t.Fatal(err)
	}
	if last != a.size() || total != a.size() {
		t.Errorf("progress ended at %d of %d, want %d", last, total, a.size())
	}
	if asked[idxNames[0]] != 1 || asked[idxNames[1]] != 1 || asked[idxNames[2]] != 2 || asked[idxNames[3]] != 1 {
		t.Errorf("requests %v, want one more for the file that broke", asked)
	}
	set, err := d.openSet(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	wantSet(t, set, 30, 20, 10)
	if set.Info.Source != "archive" || set.Info.Bytes != "official" {
		t.Errorf("source %q, bytes %q", set.Info.Source, set.Info.Bytes)
	}

	// From a folder of the downloaded files; a single file will not do.
	from := write(t, files)
	to := Options{Dir: t.TempDir()}
	if _, err := a.fetchFrom(t.Context(), from, to, newFetcher(to)); err != nil {
		t.Fatal(err)
	}
	if set, err = d.openSet(t.Context(), to); err != nil {
		t.Fatal(err)
	}
	if set.Info.Bytes != "official" {
		t.Errorf("bytes %q: each file has its published hash", set.Info.Bytes)
	}
	_, err = a.fetchFrom(t.Context(), filepath.Join(from, idxNames[0]), to, newFetcher(to))
	wantError(t, err, "is a file, want a folder")
}

// --from takes a folder that holds the archive as it was downloaded.
func TestFetchFromFolderOfTheArchive(t *testing.T) {
	body := pack(t, official())
	a := miniArchive(body, "http://example.org")
	from := write(t, map[string][]byte{"cifar-10-binary.tar.gz": body, "other.txt": nil})
	o := Options{Dir: t.TempDir()}
	if _, err := a.fetchFrom(t.Context(), from, o, newFetcher(o)); err != nil {
		t.Fatal(err)
	}
	wantInstalled(t, a, o.Dir)
}

// A set without a published hash installs from a folder only.
func TestNoPublishedHash(t *testing.T) {
	a := miniArchive(nil, "")
	a.Sources = nil
	o := Options{Dir: t.TempDir()}
	_, err := a.fetch(t.Context(), o, newFetcher(o))
	wantError(t, err, "no published hash", "--from")
	if _, err := a.fetchFrom(t.Context(), miniFolder(t), o, newFetcher(o)); err != nil {
		t.Fatal(err)
	}
	s, err := a.openCIFAR10(t.Context(), o)
	if err != nil {
		t.Fatal(err)
	}
	wantMini(t, s)
	if s.Info.Bytes == "official" {
		t.Error("called official")
	}
}

// What is installed and read through once is not read again by another fetch, and
// every set's sources have a size and a hash of the right form.
func TestSourcesArePublished(t *testing.T) {
	for _, about := range List() {
		for _, f := range about.Files {
			if f.Size < 1 || len(f.SHA256) != 64 && len(f.MD5) != 32 || len(f.URLs) == 0 {
				t.Errorf("%s: %+v", about.Name, f)
			}
			for _, u := range f.URLs {
				if filepath.Base(u) != filepath.Base(f.URLs[0]) || !strings.HasPrefix(u, "http") {
					t.Errorf("%s: address %s", about.Name, u)
				}
			}
		}
		if about.Train < 1 || about.Test < 1 || about.Classes < 2 || about.Height < 1 || about.Width < 1 || about.Channels < 1 {
			t.Errorf("%+v", about)
		}
	}
}

func TestFetchAgainUsesWhatWasRead(t *testing.T) {
	body := pack(t, official())
	a := miniArchive(body, serve(t, body).URL)
	reads := 0
	read := a.Read
	a.Read = func(ctx context.Context, a *archive, folder string) (*Set, []sum, error) {
		reads++
		return read(ctx, a, folder)
	}
	o := Options{Dir: t.TempDir()}
	if _, err := a.openCIFAR10(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	before := reads
	for range 3 {
		if _, err := a.fetch(t.Context(), o, newFetcher(o)); err != nil {
			t.Fatal(err)
		}
		if _, err := a.openCIFAR10(t.Context(), o); err != nil {
			t.Fatal(err)
		}
	}
	if reads != before {
		t.Errorf("the files were read %d times more", reads-before)
	}
}
