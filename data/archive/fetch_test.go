package archive

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
)

func TestFetch(t *testing.T) {
	body := pack(t, entries())
	s := serve(t, body)
	a := mini(body, s.URL)
	dir := filepath.Join(t.TempDir(), "new", "folder")
	var last, total int64
	o := in(a, dir)
	o.Progress = func(d, n int64) {
		if d < last {
			t.Errorf("progress went from %d back to %d", last, d)
		}
		last, total = d, n
	}
	for range 2 {
		if _, err := a.Fetch(t.Context(), o); err != nil {
			t.Fatal(err)
		}
		wantInstalled(t, a, dir)
	}
	if last != a.Size() || total != a.Size() {
		t.Errorf("progress ended at %d of %d, want %d", last, total, a.Size())
	}
	if len(s.Ranges) != 1 {
		t.Errorf("%d requests for two fetches, want 1", len(s.Ranges))
	}
}

// fault is what goes wrong at the first call of a fetch.
type fault struct {
	name   string
	part   []byte // what an earlier call left
	faults []http.HandlerFunc
	words  []string // of the first call's error; nil where it succeeds
}

func lengthOf(n int) map[string]string { return map[string]string{"Content-Length": fmt.Sprint(n)} }

func rangeOf(from, to, total int) map[string]string {
	header := lengthOf(to - from + 1)
	header["Content-Range"] = fmt.Sprintf("bytes %d-%d/%d", from, to, total)
	return header
}

// cuts are transfers that end early, and what a server may do about the rest.
func cuts(body []byte) []fault {
	n, half := len(body), len(body)/2
	cut := hangUp(200, lengthOf(n), body, half)
	type handlers = []http.HandlerFunc
	return []fault{
		{name: "cut and taken up again", faults: handlers{cut}},
		{name: "cut twice", faults: handlers{cut, hangUp(206, rangeOf(half, n-1, n), body[half:], 10)}},
		{name: "cut after the headers", faults: handlers{hangUp(200, lengthOf(n), body, 0)},
			words: []string{"broke", "the same command again goes on", "--from FILE|FOLDER", EnvDir}},
		{name: "cut and then no answer", faults: handlers{cut, answer(500, "no")},
			words: []string{"500", fmt.Sprintf("%d of %d bytes are kept", half, n)}},
		{name: "cut with no length", faults: handlers{chunked(body[:half]), answer(503, "no")}, words: []string{"503"}},
		{name: "cut and no ranges", faults: handlers{cut, whole(body)}},
		{name: "no ranges", part: body[:half], faults: handlers{whole(body)}},
		{name: "resumed", part: body[:half]},
		{name: "only the last byte", part: body[:n-1]},
		{name: "nothing lacks", part: body},
		{name: "too much there", part: append(slices.Clone(body), 1, 2, 3)},
		{name: "other range", part: body[:half], faults: handlers{hangUp(206, rangeOf(0, n-1, n), body, n)},
			words: []string{"sent the range"}},
		{name: "other total", part: body[:half], faults: handlers{hangUp(206, rangeOf(half, n, n+1), body, 10)},
			words: []string{"sent the range"}},
		{name: "unasked range", faults: handlers{hangUp(206, rangeOf(0, n-1, n), body, n)}, words: []string{"206"}},
		{name: "416", part: body[:half], faults: handlers{answer(416, "")}},
	}
}

// wrongAnswers are whole answers that are not the archive.
func wrongAnswers(body []byte) []fault {
	n, half := len(body), len(body)/2
	altered := slices.Clone(body)
	altered[n/3] ^= 1
	page := []byte("<html>log in</html>")
	type handlers = []http.HandlerFunc
	return []fault{
		{name: "wrong length", faults: handlers{whole(body[:half])},
			words: []string{fmt.Sprint(half), fmt.Sprint(n), "proxy"}},
		{name: "too long", faults: handlers{whole(append(slices.Clone(body), 1))}, words: []string{fmt.Sprint(n + 1)}},
		{name: "too long with no length", faults: handlers{chunked(slices.Repeat(body, 2)), answer(500, "")},
			words: []string{"500"}},
		{name: "a page", faults: handlers{whole(page)}, words: []string{"19 bytes", "login"}},
		{name: "a page with no length", faults: handlers{chunked(page), chunked(page)}, words: []string{"ended early"}},
		{name: "altered", faults: handlers{whole(altered)}, words: []string{"SHA-256", "alters"}},
		{name: "altered part", part: altered[:half]},
		{name: "altered part and altered again", part: altered[:half], faults: handlers{nil, whole(altered)},
			words: []string{"SHA-256", "removed"}},
		{name: "416 for all", faults: handlers{answer(416, "")}, words: []string{"416"}},
		{name: "404", faults: handlers{answer(404, "")}, words: []string{"404 Not Found", "--from FILE|FOLDER"}},
		{name: "500", faults: handlers{answer(500, "")}, words: []string{"500"}},
		{name: "empty", faults: handlers{whole(nil)}, words: []string{"0 bytes"}},
		{name: "endless redirects", faults: redirects(11), words: []string{"redirects"}},
	}
}

// Each fault makes the first call fail with a clear error, or is overcome in it; after it a second
// call succeeds with the right files.
func TestFetchFaults(t *testing.T) {
	body := pack(t, entries())
	for _, c := range slices.Concat(cuts(body), wrongAnswers(body)) {
		t.Run(c.name, func(t *testing.T) {
			s := serve(t, body, c.faults...)
			a := mini(body, s.URL)
			dir := t.TempDir()
			if c.part != nil {
				if err := os.WriteFile(filepath.Join(dir, ".cifar-10-binary.tar.gz.part"), c.part, 0o644); err != nil {
					t.Fatal(err)
				}
			}
			_, err := a.Fetch(t.Context(), in(a, dir))
			if c.words == nil {
				if err != nil {
					t.Fatal(err)
				}
				wantInstalled(t, a, dir)
				return
			}
			wantError(t, err, c.words...)
			if _, found := a.Locate(dir); found {
				t.Fatal("the failed fetch left a folder that looks like the set")
			}
			if _, err := a.Fetch(t.Context(), in(a, dir)); err != nil {
				t.Fatalf("second call: %v", err)
			}
			wantInstalled(t, a, dir)
		})
	}
}

// A transfer may be cut at any byte: the next answer goes on from there.
func TestFetchCutAnywhere(t *testing.T) {
	body := pack(t, entries())
	n := len(body)
	for _, at := range []int{1, 2, 511, 4096, n / 7, n/3 + 1, n - 4097, n - 2, n - 1} {
		s := serve(t, body, hangUp(200, lengthOf(n), body, at))
		a := mini(body, s.URL)
		o := in(a, t.TempDir())
		if _, err := a.Fetch(t.Context(), o); err != nil {
			t.Fatalf("cut at %d: %v", at, err)
		}
		if want := fmt.Sprintf("[ bytes=%d-]", at); fmt.Sprint(s.Ranges) != want {
			t.Errorf("cut at %d: asked for %q, want %q", at, s.Ranges, want)
		}
		wantInstalled(t, a, o.Dir)
	}
}

func redirects(n int) []http.HandlerFunc {
	again := func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, r.URL.Path, http.StatusFound) }
	return slices.Repeat([]http.HandlerFunc{again}, n)
}

// A download that was broken goes on where it stopped, in the next process too.
func TestFetchAsksForTheRestOnly(t *testing.T) {
	body := pack(t, entries())
	half := len(body) / 2
	s := serve(t, body, hangUp(200, lengthOf(len(body)), body, half), answer(500, ""))
	a := mini(body, s.URL)
	o := in(a, t.TempDir())
	_, err := a.Fetch(t.Context(), o)
	wantError(t, err, "500")
	if _, err := a.Fetch(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	rest := fmt.Sprintf("bytes=%d-", half)
	if got, want := fmt.Sprint(s.Ranges), fmt.Sprint([]string{"", rest, rest}); got != want {
		t.Errorf("ranges asked for: %s, want %s", got, want)
	}
}

func TestFetchWithoutNetwork(t *testing.T) {
	body := pack(t, entries())
	s := serve(t, body)
	a := mini(body, s.URL)
	s.Close()
	o := in(a, t.TempDir())
	_, err := a.Fetch(t.Context(), o)
	wantError(t, err, s.URL, "the same command again", "collapse fetch cifar10 --from FILE|FOLDER", EnvDir+"=FOLDER")
}

func TestFetchCancelled(t *testing.T) {
	body := pack(t, entries())
	half := len(body) / 2
	s := serve(t, body, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(len(body)))
		w.Write(body[:half])
		w.(http.Flusher).Flush()
		<-r.Context().Done() // the client goes
	})
	a := mini(body, s.URL)
	ctx, cancel := context.WithCancel(t.Context())
	o := in(a, t.TempDir())
	o.Progress = func(done, _ int64) {
		if done == int64(half) {
			cancel()
		}
	}
	if _, err := a.Fetch(ctx, o); !errors.Is(err, context.Canceled) {
		t.Fatalf("error %v, want %v", err, context.Canceled)
	}
	o.Progress = nil
	if _, err := a.Fetch(t.Context(), o); err != nil {
		t.Fatal(err)
	}
	wantInstalled(t, a, o.Dir)
	if got, want := s.Ranges[1], fmt.Sprintf("bytes=%d-", half); got != want {
		t.Errorf("the second call asked for %q, want %q", got, want)
	}
}

// Several at once: one downloads, the others wait and find it.
func TestFetchAtOnce(t *testing.T) {
	body := pack(t, entries())
	s := serve(t, body)
	a := mini(body, s.URL)
	dir := t.TempDir()
	errs := make([]error, 4)
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			o := in(a, dir)
			_, errs[i] = a.Fetch(t.Context(), o)
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	wantInstalled(t, a, dir)
	if len(s.Ranges) != 1 {
		t.Errorf("%d downloads, want 1", len(s.Ranges))
	}
}
