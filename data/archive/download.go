package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"
)

const (
	// maxResumes bounds how often one call takes up a broken transfer.
	maxResumes = 20
	// stall is the time without a byte after which a transfer counts as broken.
	stall = 60 * time.Second
)

// downloader is what a download needs of the network and the clock.
type downloader struct {
	client   *http.Client
	progress func(done, total int64)
	total    int64 // bytes of all sources
	// watch calls stalled where moved is not called for a while, until stop is.
	watch func(stalled func()) (moved, stop func())
}

func newDownloader(progress func(done, total int64)) downloader {
	if progress == nil {
		progress = func(int64, int64) {}
	}
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = stall
	return downloader{client: &http.Client{Transport: t}, progress: progress, watch: watch}
}

func watch(stalled func()) (moved, stop func()) {
	timer := time.AfterFunc(stall, stalled)
	return func() { timer.Reset(stall) }, func() { timer.Stop() }
}

// transfer is the download of one source.
type transfer struct {
	*Source
	part   string // the file that grows to the source
	url    string // that is asked
	before int64  // bytes that the progress counts already
}

// download brings the whole source into its part, or goes on with what the part holds, and checks
// size and hash. Whatever fails, the part is left so that the next call can go on from it.
func (in *installation) download(ctx context.Context, t *transfer) error {
	resumed, err := in.complete(ctx, t)
	if err != nil {
		return err
	}
	wrong := in.verify(ctx, t.Source, t.part)
	if wrong == nil || ctx.Err() != nil {
		return wrong
	}
	altered := func(err error) error {
		return fmt.Errorf("%w; the download was removed: something between here and the server alters it; %s",
			err, in.waysOut())
	}
	// What an earlier call left may have been wrong from its start: download the whole once more. A
	// whole transfer that is wrong is the server's fault.
	if err := os.Remove(t.part); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	if !resumed {
		return altered(wrong)
	}
	in.logf("the continued download of %s is not the official file: loading it from the start", t.Name())
	if _, err := in.complete(ctx, t); err != nil {
		return err
	}
	if wrong := in.verify(ctx, t.Source, t.part); wrong != nil {
		return errors.Join(altered(wrong), os.Remove(t.part))
	}
	return nil
}

// complete fills the part up to the size of the source. It takes a broken transfer up again as long
// as each attempt brings more than was ever there; an address that brings nothing more gives way to
// the next mirror. resumed reports whether the part is made of more than one answer.
func (in *installation) complete(ctx context.Context, t *transfer) (resumed bool, err error) {
	best, err := sizeOf(t.part)
	if err != nil {
		return false, err
	}
	if best > t.Size {
		best = 0 // not a part of the file; attempt starts anew
	}
	resumed = best > 0
	var faults []error // of the addresses that were given up
	for attempt, mirror := 0, 0; ; attempt++ {
		t.url = t.URLs[mirror]
		err := in.attempt(ctx, t)
		if err == nil {
			return resumed, nil
		}
		have, sizeErr := sizeOf(t.part)
		if sizeErr != nil {
			return resumed, sizeErr
		}
		var broken *brokenError
		if !errors.As(err, &broken) || ctx.Err() != nil {
			return resumed, err
		}
		switch {
		case have > best && attempt < maxResumes:
			in.logf("the transfer broke at %d of %d bytes: going on", have, t.Size)
		case mirror+1 < len(t.URLs):
			faults = append(faults, err)
			mirror++
			in.logf("%v: trying %s", err, t.URLs[mirror])
		default:
			return resumed, fmt.Errorf("data: fetching %s: %w; %d of %d bytes are kept: "+
				"the same command again goes on from there; %s",
				in.Set, errors.Join(append(faults, err)...), have, t.Size, in.waysOut())
		}
		best, resumed = max(best, have), have > 0
	}
}

// brokenError is a failure of the network or the server. Another attempt may succeed, unlike after
// one of the disk.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return e.err.Error() }
func (e *brokenError) Unwrap() error { return e.err }

func broken(format string, args ...any) error { return &brokenError{fmt.Errorf(format, args...)} }

// attempt asks once for what the part lacks and appends what comes.
func (in *installation) attempt(ctx context.Context, t *transfer) error {
	have, err := sizeOf(t.part)
	if err != nil {
		return err
	}
	if have > t.Size {
		have = 0
	}
	if have == t.Size {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	answer, err := in.get(ctx, t.url, have)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode == http.StatusRequestedRangeNotSatisfiable && have > 0 {
		// The server has less than we have: what we have is not its file.
		answer.Body.Close()
		have = 0
		if answer, err = in.get(ctx, t.url, have); err != nil {
			return err
		}
		defer answer.Body.Close()
	}
	switch {
	case answer.StatusCode == http.StatusPartialContent && have > 0:
		want := fmt.Sprintf("bytes %d-%d/%d", have, t.Size-1, t.Size)
		if got := answer.Header.Get("Content-Range"); got != want {
			return broken("%s: the server sent the range %q, want %q", t.url, got, want)
		}
	case answer.StatusCode == http.StatusOK:
		have = 0
	default:
		return broken("%s: the server answered %s", t.url, answer.Status)
	}
	if n := answer.ContentLength; n >= 0 && n != t.Size-have {
		return broken("%s: the server offers %d bytes, want %d: not the archive; "+
			"perhaps a page of a proxy or of a network that asks for a login", t.url, n, t.Size-have)
	}
	return in.append(ctx, cancel, t, have, answer.Body)
}

func (in *installation) get(ctx context.Context, url string, from int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	// The archive's bytes are wanted, not a coding of them.
	req.Header.Set("Accept-Encoding", "identity")
	if from > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	answer, err := in.client.Do(req)
	if err != nil {
		return nil, &brokenError{err}
	}
	return answer, nil
}

// append writes the body of an answer to the part from byte have on, never beyond the source's
// size. It cancels a transfer that stalls.
func (in *installation) append(ctx context.Context, cancel context.CancelCauseFunc, t *transfer, have int64,
	body io.Reader) (err error) {
	flag := os.O_WRONLY | os.O_CREATE | os.O_APPEND
	if have == 0 {
		flag |= os.O_TRUNC
	}
	w, err := in.disk.Create(t.part, flag)
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	defer func() {
		if closeErr := w.Close(); closeErr != nil && err == nil {
			err = fmt.Errorf("data: %w", closeErr)
		}
	}()
	moved, stop := in.watch(func() { cancel(fmt.Errorf("no byte came for %v", stall)) })
	defer stop()
	in.progress(t.before+have, in.total)
	buf := make([]byte, 1<<16)
	for {
		n, readErr := body.Read(buf)
		moved()
		if n > 0 {
			if have+int64(n) > t.Size {
				return broken("%s: the server sent more than the %d bytes of the archive", t.url, t.Size)
			}
			if _, err := w.Write(buf[:n]); err != nil {
				return fmt.Errorf("data: %s: %w", t.part, err)
			}
			have += int64(n)
			in.progress(t.before+have, in.total)
		}
		switch {
		case errors.Is(readErr, io.EOF) && have == t.Size:
			if err := w.Sync(); err != nil {
				return fmt.Errorf("data: %s: %w", t.part, err)
			}
			return nil
		case errors.Is(readErr, io.EOF):
			return broken("%s: the transfer ended early: %w", t.url, io.ErrUnexpectedEOF)
		case readErr != nil && ctx.Err() != nil:
			return broken("%s: the transfer broke: %w", t.url, context.Cause(ctx))
		case readErr != nil:
			return broken("%s: the transfer broke: %w", t.url, readErr)
		}
	}
}

// verify checks size and hash of a file that should be s.
func (a *Archive) verify(ctx context.Context, s *Source, path string) error {
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	defer file.Close()
	st, err := file.Stat()
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	name := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(path), "."), ".part")
	if st.Size() != s.Size {
		return fmt.Errorf("data: %s has %d bytes, want %d: not the official %s of %s, or only a part of it",
			name, st.Size(), s.Size, s.Name(), a.Set)
	}
	kind, want := s.hash()
	h := newHashes(kind == "MD5")
	if _, err := io.Copy(h, contextReader{ctx, file}); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	got := h.sha256()
	if kind == "MD5" {
		got = h.md5()
	}
	if got != want {
		return fmt.Errorf("data: %s has %s %s, want %s: not the official %s of %s",
			name, kind, got, want, s.Name(), a.Set)
	}
	return nil
}

// sizeOf returns the size of a file, 0 where it does not exist.
func sizeOf(path string) (int64, error) {
	st, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return 0, nil
	case err != nil:
		return 0, fmt.Errorf("data: %w", err)
	case !st.Mode().IsRegular():
		return 0, fmt.Errorf("data: %s is not a file; move it away", path)
	}
	return st.Size(), nil
}
