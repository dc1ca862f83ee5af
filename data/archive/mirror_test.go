package archive

import (
	"bytes"
	"crypto/md5"
	"fmt"
	"net/http"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/gocollapse/collapse/data/archive/archivetest"
	"github.com/gocollapse/collapse/record"
)

// An address that fails gives way to a mirror, which goes on with what is there; if all fail, each
// is named.
func TestMirrors(t *testing.T) {
	body := pack(t, entries())
	n, half := len(body), len(body)/2
	no := answer(403, "")
	bad := serve(t, body, hangUp(200, lengthOf(n), body, half), no, no, no)
	good := serve(t, body)
	a := mini(body, bad.URL)
	a.Sources[0].URLs = append(a.Sources[0].URLs, good.URL+"/cifar-10-binary.tar.gz")
	o := in(a, t.TempDir())
	if _, err := a.Fetch(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	wantInstalled(t, a, o.Dir)
	if want := fmt.Sprintf("[bytes=%d-]", half); fmt.Sprint(good.Ranges) != want {
		t.Errorf("the mirror was asked for %v, want %s", good.Ranges, want)
	}
	good.Faults = []http.HandlerFunc{answer(404, "")}
	_, err := a.Fetch(t.Context(), in(a, t.TempDir()))
	wantError(t, err, "403", "404", bad.URL, good.URL, "--from")
}

// A server that sends nothing more is given up after a while, and its transfer taken up; one that
// is only slow is waited for.
func TestSlowAndStalled(t *testing.T) {
	body := pack(t, entries())
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
		for k, v := range rangeOf(half, n-1, n) {
			w.Header().Set(k, v)
		}
		w.WriteHeader(http.StatusPartialContent)
		for b := body[half:]; len(b) > 0; b = b[min(len(b), 997):] {
			w.Write(b[:min(len(b), 997)])
			w.(http.Flusher).Flush()
		}
	}
	s := serve(t, body, hang, drip)
	a := mini(body, s.URL)
	// The watch finds the stall once all that came before it is written, not by the clock.
	var stall func()
	var once sync.Once
	o := in(a, t.TempDir())
	o.Progress = func(done, _ int64) {
		if done == int64(half) {
			once.Do(stall)
		}
	}
	inst := newInstallation(a, o)
	inst.watch = func(stalled func()) (moved, stop func()) {
		stall = stalled
		return func() {}, func() {}
	}
	if _, err := inst.fetch(t.Context()); err != nil {
		t.Fatal(err)
	}
	wantInstalled(t, a, o.Dir)
	if len(s.Ranges) != 2 {
		t.Errorf("%d requests, want 2", len(s.Ranges))
	}
}

// several describes a set of four files, which a server hands out but for those that are broken,
// and counts the requests.
func several(t *testing.T, broken map[string]bool) (a *Archive, files map[string][]byte, asked map[string]int) {
	t.Helper()
	a = &Archive{Set: "mnist", Folder: "mnist"}
	files, asked = map[string][]byte{}, map[string]int{}
	s := serve(t, nil)
	s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		name := filepath.Base(r.URL.Path)
		asked[name]++
		if broken[name] {
			http.Error(w, "", http.StatusBadGateway)
			return
		}
		http.ServeContent(w, r, name, time.Time{}, bytes.NewReader(files[name]))
	})
	for i := range 4 {
		name := fmt.Sprintf("file-%d", i)
		b := bytes.Repeat([]byte{byte(i)}, 1000*(i+1))
		sum := fmt.Sprintf("%x", md5.Sum(b))
		files[name] = b
		a.Sources = append(a.Sources, Source{URLs: []string{s.URL + "/" + name}, Size: int64(len(b)), MD5: sum})
		a.Files = append(a.Files, Member{Name: name, Max: 1 << 20, MD5: sum})
	}
	return a, files, asked
}

// A set of several files goes on at the one that broke, and progress counts them together.
func TestSeveralFiles(t *testing.T) {
	broken := map[string]bool{"file-2": true}
	a, files, asked := several(t, broken)
	o := in(a, t.TempDir())
	var last, total int64
	o.Progress = func(done, n int64) {
		if done < last {
			t.Errorf("progress went from %d back to %d", last, done)
		}
		last, total = done, n
	}
	_, err := a.Fetch(t.Context(), o)
	wantError(t, err, "502", "the folder that holds file-0")
	clear(broken)
	last = 0
	if _, err := a.Fetch(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	if last != a.Size() || total != a.Size() {
		t.Errorf("progress ended at %d of %d, want %d", last, total, a.Size())
	}
	if asked["file-0"] != 1 || asked["file-1"] != 1 || asked["file-2"] != 2 || asked["file-3"] != 1 {
		t.Errorf("requests %v, want one more for the file that broke", asked)
	}
	if source, official := originOf(t, a, o.Dir); source != "archive" || official != record.Official {
		t.Errorf("source %q, bytes %q", source, official)
	}

	// From a folder of the downloaded files; a single file will not do.
	from := archivetest.Write(t, files)
	to := in(a, t.TempDir())
	if _, err := a.FetchFrom(t.Context(), from, to); err != nil {
		t.Fatal(err)
	}
	if _, official := originOf(t, a, to.Dir); official != record.Official {
		t.Errorf("bytes %q: each file has its published hash", official)
	}
	_, err = a.FetchFrom(t.Context(), filepath.Join(from, "file-0"), to)
	wantError(t, err, "is a file, want a folder")
}
