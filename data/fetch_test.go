package data

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// server serves body as the archive, the first answers as faults say.
type server struct {
	*httptest.Server
	mu     sync.Mutex
	faults []http.HandlerFunc
	ranges []string // the Range header of each request
}

func serve(t *testing.T, body []byte, faults ...http.HandlerFunc) *server {
	t.Helper()
	s := &server{faults: faults}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.ranges = append(s.ranges, r.Header.Get("Range"))
		var fault http.HandlerFunc
		if len(s.faults) > 0 {
			fault, s.faults = s.faults[0], s.faults[1:]
		}
		s.mu.Unlock()
		if fault != nil {
			fault(w, r)
			return
		}
		http.ServeContent(w, r, "a.tar.gz", time.Time{}, strings.NewReader(string(body)))
	}))
	t.Cleanup(s.Close)
	return s
}

// hangUp sends n bytes of b after the headers and closes the connection.
func hangUp(status int, header map[string]string, b []byte, n int) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for k, v := range header {
			w.Header().Set(k, v)
		}
		w.WriteHeader(status)
		w.Write(b[:n])
		w.(http.Flusher).Flush()
		panic(http.ErrAbortHandler)
	}
}

func answer(status int, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) { http.Error(w, text, status) }
}

// whole sends b with status 200, whatever was asked for.
func whole(b []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(b)))
		w.Write(b)
	}
}

// chunked is whole without a length.
func chunked(b []byte) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.(http.Flusher).Flush()
		w.Write(b)
	}
}

func TestFetch(t *testing.T) {
	body := pack(t, official())
	s := serve(t, body)
	a := miniArchive(body, s.URL)
	dir := filepath.Join(t.TempDir(), "new", "folder")
	var last, total int64
	o := Options{Dir: dir, Progress: func(d, n int64) {
		if d < last {
			t.Errorf("progress went from %d back to %d", last, d)
		}
		last, total = d, n
	}}
	for range 2 {
		if _, err := a.fetch(context.Background(), o, newFetcher(o)); err != nil {
			t.Fatal(err)
		}
		wantInstalled(t, a, dir)
	}
	if last != a.size() || total != a.size() {
		t.Errorf("progress ended at %d of %d, want %d", last, total, a.size())
	}
	if len(s.ranges) != 1 {
		t.Errorf("%d requests for two fetches, want 1", len(s.ranges))
	}
}

// Open fetches what is not there, unless it may not.
func TestOpenFetches(t *testing.T) {
	body := pack(t, official())
	s := serve(t, body)
	a := miniArchive(body, s.URL)
	dir := t.TempDir()
	_, err := a.openCIFAR10(context.Background(), Options{Dir: dir, Offline: true})
	wantError(t, err, "not allowed", "--from FILE|FOLDER")
	if len(s.ranges) != 0 {
		t.Error("Offline asked the server")
	}
	set, err := a.openCIFAR10(context.Background(), Options{Dir: dir})
	if err != nil {
		t.Fatal(err)
	}
	wantMini(t, set)
	wantInstalled(t, a, dir)
}

// Each fault makes the first call fail with a clear error, or is overcome in it;
// after it a second call succeeds with the right files.
func TestFetchFaults(t *testing.T) {
	body := pack(t, official())
	n := len(body)
	half := n / 2
	length := func(n int) map[string]string { return map[string]string{"Content-Length": fmt.Sprint(n)} }
	rng := func(from, to, total int) map[string]string {
		return map[string]string{"Content-Range": fmt.Sprintf("bytes %d-%d/%d", from, to, total), "Content-Length": fmt.Sprint(to - from + 1)}
	}
	altered := append([]byte{}, body...)
	altered[n/3] ^= 1
	for _, c := range []struct {
		name   string
		part   []byte // what an earlier call left
		faults []http.HandlerFunc
		words  []string // of the first call's error; nil where it succeeds
	}{
		{name: "cut and taken up again", faults: []http.HandlerFunc{hangUp(200, length(n), body, half)}},
		{name: "cut twice", faults: []http.HandlerFunc{hangUp(200, length(n), body, half), hangUp(206, rng(half, n-1, n), body[half:], 10)}},
		{name: "cut after the headers", faults: []http.HandlerFunc{hangUp(200, length(n), body, 0)},
			words: []string{"broke", "the same command again goes on", "--from FILE|FOLDER", EnvDir}},
		{name: "cut and then no answer", faults: []http.HandlerFunc{hangUp(200, length(n), body, half), answer(500, "no")},
			words: []string{"500", fmt.Sprintf("%d of %d bytes are kept", half, n)}},
		{name: "cut with no length", faults: []http.HandlerFunc{chunked(body[:half]), answer(503, "no")},
			words: []string{"503"}},
		{name: "cut and no ranges", faults: []http.HandlerFunc{hangUp(200, length(n), body, half), whole(body)}},
		{name: "no ranges", part: body[:half], faults: []http.HandlerFunc{whole(body)}},
		{name: "resumed", part: body[:half]},
		{name: "only the last byte", part: body[:n-1]},
		{name: "nothing lacks", part: body},
		{name: "too much there", part: append(append([]byte{}, body...), 1, 2, 3)},
		{name: "wrong length", faults: []http.HandlerFunc{whole(body[:half])}, words: []string{fmt.Sprint(half), fmt.Sprint(n), "proxy"}},
		{name: "too long", faults: []http.HandlerFunc{whole(append(append([]byte{}, body...), 1))}, words: []string{fmt.Sprint(n + 1)}},
		{name: "too long with no length", faults: []http.HandlerFunc{chunked(append(append([]byte{}, body...), body...)), answer(500, "")}, words: []string{"500"}},
		{name: "a page", faults: []http.HandlerFunc{whole([]byte("<html>log in</html>"))}, words: []string{"19 bytes", "login"}},
		{name: "a page with no length", faults: []http.HandlerFunc{chunked([]byte("<html>log in</html>")), chunked([]byte("<html>log in</html>"))}, words: []string{"ended early"}},
		{name: "altered", faults: []http.HandlerFunc{whole(altered)}, words: []string{"SHA-256", "alters"}},
		{name: "altered part", part: altered[:half]},
		{name: "altered part and altered again", part: altered[:half], faults: []http.HandlerFunc{nil, whole(altered)}, words: []string{"SHA-256", "removed"}},
		{name: "other range", part: body[:half], faults: []http.HandlerFunc{hangUp(206, rng(0, n-1, n), body, n)}, words: []string{"sent the range"}},
		{name: "other total", part: body[:half], faults: []http.HandlerFunc{hangUp(206, rng(half, n, n+1), body, 10)}, words: []string{"sent the range"}},
		{name: "unasked range", faults: []http.HandlerFunc{hangUp(206, rng(0, n-1, n), body, n)}, words: []string{"206"}},
		{name: "416", part: body[:half], faults: []http.HandlerFunc{answer(416, "")}},
		{name: "416 for all", faults: []http.HandlerFunc{answer(416, "")}, words: []string{"416"}},
		{name: "404", faults: []http.HandlerFunc{answer(404, "")}, words: []string{"404 Not Found", "--from FILE|FOLDER"}},
		{name: "500", faults: []http.HandlerFunc{answer(500, "")}, words: []string{"500"}},
		{name: "empty", faults: []http.HandlerFunc{whole(nil)}, words: []string{"0 bytes"}},
		{name: "endless redirects", faults: redirects(11), words: []string{"redirects"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, body, c.faults...)
			a := miniArchive(body, s.URL)
			dir := t.TempDir()
			if c.part != nil {
				if err := os.WriteFile(filepath.Join(dir, ".cifar-10-binary.tar.gz.part"), c.part, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			o := Options{Dir: dir}
			_, err := a.fetch(context.Background(), o, newFetcher(o))
			if c.words == nil {
				if err != nil {
					t.Fatal(err)
				}
			} else {
				wantError(t, err, c.words...)
				if _, found := a.locate(dir); found {
					t.Fatal("the failed fetch left a folder that looks like the set")
				}
				if _, err := a.fetch(context.Background(), o, newFetcher(o)); err != nil {
					t.Fatalf("second call: %v", err)
				}
			}
			wantInstalled(t, a, dir)
		})
	}
}

// A transfer may be cut at any byte: the next answer goes on from there.
func TestFetchCutAnywhere(t *testing.T) {
	body := pack(t, official())
	n := len(body)
	for _, at := range []int{1, 2, 511, 4096, n / 7, n/3 + 1, n - 4097, n - 2, n - 1} {
		s := serve(t, body, hangUp(200, map[string]string{"Content-Length": fmt.Sprint(n)}, body, at))
		a := miniArchive(body, s.URL)
		o := Options{Dir: t.TempDir(), NoCache: true}
		if _, err := a.fetch(context.Background(), o, newFetcher(o)); err != nil {
			t.Fatalf("cut at %d: %v", at, err)
		}
		if want := fmt.Sprintf("[ bytes=%d-]", at); fmt.Sprint(s.ranges) != want {
			t.Errorf("cut at %d: asked for %q, want %q", at, s.ranges, want)
		}
		wantInstalled(t, a, o.Dir)
	}
}

func redirects(n int) []http.HandlerFunc {
	var l []http.HandlerFunc
	for range n {
		l = append(l, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) })
	}
	return l
}

// A download that was broken goes on where it stopped, in the next process too.
func TestFetchAsksForTheRestOnly(t *testing.T) {
	body := pack(t, official())
	half := len(body) / 2
	s := serve(t, body, hangUp(200, map[string]string{"Content-Length": fmt.Sprint(len(body))}, body, half), answer(500, ""))
	a := miniArchive(body, s.URL)
	o := Options{Dir: t.TempDir()}
	_, err := a.fetch(context.Background(), o, newFetcher(o))
	wantError(t, err, "500")
	if _, err := a.fetch(context.Background(), o, newFetcher(o)); err != nil {
		t.Fatal(err)
	}
	rest := fmt.Sprintf("bytes=%d-", half)
	if got, want := fmt.Sprint(s.ranges), fmt.Sprint([]string{"", rest, rest}); got != want {
		t.Errorf("ranges asked for: %s, want %s", got, want)
	}
}

func TestFetchWithoutNetwork(t *testing.T) {
	body := pack(t, official())
	s := serve(t, body)
	a := miniArchive(body, s.URL)
	s.Close()
	o := Options{Dir: t.TempDir()}
	_, err := a.fetch(context.Background(), o, newFetcher(o))
	wantError(t, err, s.URL, "the same command again", "collapse fetch cifar10 --from FILE|FOLDER", EnvDir+"=FOLDER")
}

func TestFetchCancelled(t *testing.T) {
	body := pack(t, official())
	half := len(body) / 2
	s := serve(t, body, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		w.Write(body[:half])
		w.(http.Flusher).Flush()
		<-r.Context().Done() // the client goes
	})
	a := miniArchive(body, s.URL)
	ctx, cancel := context.WithCancel(context.Background())
	o := Options{Dir: t.TempDir(), Progress: func(done, _ int64) {
		if done == int64(half) {
			cancel()
		}
	}}
	if _, err := a.fetch(ctx, o, newFetcher(o)); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want %v", err, context.Canceled)
	}
	o.Progress = nil
	if _, err := a.fetch(context.Background(), o, newFetcher(o)); err != nil {
		t.Fatal(err)
	}
	wantInstalled(t, a, o.Dir)
	if got, want := s.ranges[1], fmt.Sprintf("bytes=%d-", half); got != want {
		t.Errorf("the second call asked for %q, want %q", got, want)
	}
}

// Several at once: one downloads, the others wait and find it.
func TestFetchAtOnce(t *testing.T) {
	body := pack(t, official())
	s := serve(t, body)
	a := miniArchive(body, s.URL)
	dir := t.TempDir()
	errs := make([]error, 4)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			o := Options{Dir: dir}
			_, errs[i] = a.fetch(context.Background(), o, newFetcher(o))
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	wantInstalled(t, a, dir)
	if len(s.ranges) != 1 {
		t.Errorf("%d downloads, want 1", len(s.ranges))
	}
}

// Whoever waits for another's fetch is told so and can be stopped.
func TestLockWaits(t *testing.T) {
	path := filepath.Join(t.TempDir(), "lock")
	unlock, err := lock(context.Background(), path, osDisk.lock, func() { t.Error("waited for nobody") })
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	if _, err := lock(ctx, path, osDisk.lock, cancel); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want %v", err, context.Canceled)
	}
	unlock()
	unlock, err = lock(context.Background(), path, osDisk.lock, func() { t.Error("waited for a lock that was released") })
	if err != nil {
		t.Fatal(err)
	}
	unlock()
}

// full is a disk with room for so many bytes.
type full struct{ room atomic.Int64 }

type fullFile struct {
	outFile
	disk *full
}

func (f fullFile) Write(p []byte) (int, error) {
	if f.disk.room.Add(-int64(len(p))) < 0 {
		n, err := f.outFile.Write(p[:len(p)/2]) // a full disk takes a part
		return n, errors.Join(err, syscall.ENOSPC)
	}
	return f.outFile.Write(p)
}

// ReadFrom must not be that of the file, which would go round Write.
func (f fullFile) ReadFrom(r io.Reader) (int64, error) {
	return io.Copy(struct{ io.Writer }{f}, r)
}

func (d *full) create(path string, flag int) (outFile, error) {
	f, err := osDisk.create(path, flag)
	if err != nil {
		return nil, err
	}
	return fullFile{f, d}, nil
}

// A disk that fills up at any point of the work leaves nothing that looks like the
// set, and what was loaded is not loaded again.
func TestFetchDiskFull(t *testing.T) {
	body := pack(t, official())
	all := int64(len(body)) + 6*miniRecords*cifarRecord
	for _, room := range []int64{0, int64(len(body)) / 2, int64(len(body)) + 1000, all / 2, all - 1000, all} {
		t.Run(fmt.Sprint(room), func(t *testing.T) {
			s := serve(t, body)
			a := miniArchive(body, s.URL)
			dir := t.TempDir()
			o := Options{Dir: dir}
			f := newFetcher(o)
			disk := new(full)
			disk.room.Store(room)
			f.disk.create = disk.create
			_, err := a.fetch(context.Background(), o, f)
			wantError(t, err, "no space left", "make room in "+dir, EnvDir)
			if !errors.Is(err, syscall.ENOSPC) {
				t.Error("the error is not ENOSPC")
			}
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			for _, e := range entries {
				if e.IsDir() {
					t.Errorf("%s was left", e.Name())
				}
			}
			if _, err := a.fetch(context.Background(), o, newFetcher(o)); err != nil {
				t.Fatal(err)
			}
			wantInstalled(t, a, dir)
			if room > int64(len(body)) && len(s.ranges) != 1 {
				t.Errorf("%d downloads, want 1: the archive was whole", len(s.ranges))
			}
		})
	}
}

func TestFetchFromFolderDiskFull(t *testing.T) {
	a := miniArchive(pack(t, official()), "")
	from, dir := miniFolder(t), t.TempDir()
	f := newFetcher(Options{})
	disk := new(full)
	disk.room.Store(3 * miniRecords * cifarRecord)
	f.disk.create = disk.create
	_, err := a.fetchFrom(context.Background(), from, Options{Dir: dir}, f)
	wantError(t, err, "no space left")
	if _, found := a.locate(dir); found {
		t.Error("a folder was left that looks like the set")
	}
	if _, err := a.fetchFrom(context.Background(), from, Options{Dir: dir}, newFetcher(Options{})); err != nil {
		t.Fatal(err)
	}
}

// A process killed while it unpacked leaves a folder that the next one removes.
func TestFetchAfterKill(t *testing.T) {
	body := pack(t, official())
	s := serve(t, body)
	a := miniArchive(body, s.URL)
	dir := t.TempDir()
	left := filepath.Join(dir, "."+a.Folder+".new-123")
	if err := os.Mkdir(left, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(left, "data_batch_1.bin"), body[:100], 0o644); err != nil {
		t.Fatal(err)
	}
	o := Options{Dir: dir}
	if _, err := a.fetch(context.Background(), o, newFetcher(o)); err != nil {
		t.Fatal(err)
	}
	wantInstalled(t, a, dir)
}
