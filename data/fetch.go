package data

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
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

// fetcher downloads and writes. Tests replace its parts.
type fetcher struct {
	client   *http.Client
	disk     disk
	progress func(done, total int64)
	total    int64 // bytes of all that is loaded for the set
	// watch calls stalled where moved is not called for a while, until stop is.
	watch func(stalled func()) (moved, stop func())
	logf  func(format string, args ...any)
}

func newFetcher(o Options) *fetcher {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = stall
	f := &fetcher{client: &http.Client{Transport: t}, disk: osDisk, progress: o.Progress, logf: o.logf, watch: watch}
	if f.progress == nil {
		f.progress = func(int64, int64) {}
	}
	return f
}

func watch(stalled func()) (moved, stop func()) {
	timer := time.AfterFunc(stall, stalled)
	return func() { timer.Reset(stall) }, func() { timer.Stop() }
}

// download brings the whole file of s into the file part, or goes on with what
// part holds, and checks size and hash. Whatever fails, part is left so that the
// next call can go on from it. before is what the progress counts already.
func (f *fetcher) download(ctx context.Context, a *archive, s *source, part string, before int64) error {
	resumed, err := f.transfer(ctx, a, s, part, before)
	if err != nil {
		return err
	}
	bad := a.verify(ctx, s, part)
	if bad == nil || ctx.Err() != nil {
		return bad
	}
	// What an earlier call left may have been wrong from its start: load the
	// whole once more. A whole transfer that is wrong is the server's fault.
	if err := os.Remove(part); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	if !resumed {
		return fmt.Errorf("%w; the download was removed: something between here and the server alters it; %s", bad, a.waysOut())
	}
	f.logf("the continued download of %s is not the official file: loading it from the start", s.name())
	if _, err := f.transfer(ctx, a, s, part, before); err != nil {
		return err
	}
	if bad := a.verify(ctx, s, part); bad != nil {
		return errors.Join(
			fmt.Errorf("%w; the download was removed: something between here and the server alters it; %s", bad, a.waysOut()),
			os.Remove(part))
	}
	return nil
}

// transfer fills part up to the size of s. It takes a broken transfer up again as
// long as each attempt brings more than was ever there; an address that brings
// nothing more gives way to the next mirror. resumed reports whether part is made
// of more than one answer.
func (f *fetcher) transfer(ctx context.Context, a *archive, s *source, part string, before int64) (resumed bool, err error) {
	best, err := sizeOf(part)
	if err != nil {
		return false, err
	}
	if best > s.Size {
		best = 0 // not a part of the file; attempt starts anew
	}
	resumed = best > 0
	var faults []error // of the addresses that were given up
	for attempt, mirror := 0, 0; ; attempt++ {
		err := f.attempt(ctx, s, s.URLs[mirror], part, before)
		if err == nil {
			return resumed, nil
		}
		have, serr := sizeOf(part)
		if serr != nil {
			return resumed, serr
		}
		var broken *brokenError
		if !errors.As(err, &broken) || ctx.Err() != nil {
			return resumed, err
		}
		switch {
		case have > best && attempt < maxResumes:
			f.logf("the transfer broke at %d of %d bytes: going on", have, s.Size)
		case mirror+1 < len(s.URLs):
			faults = append(faults, err)
			mirror++
			f.logf("%v: trying %s", err, s.URLs[mirror])
		default:
			return resumed, fmt.Errorf("data: fetching %s: %w; %d of %d bytes are kept: the same command again goes on from there; %s",
				a.Set, errors.Join(append(faults, err)...), have, s.Size, a.waysOut())
		}
		best, resumed = max(best, have), have > 0
	}
}

// brokenError is a failure of the network or the server that another attempt may
// not have, as against one of the disk.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return e.err.Error() }
func (e *brokenError) Unwrap() error { return e.err }

func broken(format string, args ...any) error { return &brokenError{fmt.Errorf(format, args...)} }

// attempt asks once for what part lacks and appends what comes.
func (f *fetcher) attempt(ctx context.Context, s *source, url, part string, before int64) error {
	have, err := sizeOf(part)
	if err != nil {
		return err
	}
	if have > s.Size {
		have = 0
	}
	if have == s.Size {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	res, err := f.get(ctx, url, have)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusRequestedRangeNotSatisfiable && have > 0 {
		// The server holds less than we do: what we have is not its archive.
		res.Body.Close()
		have = 0
		if res, err = f.get(ctx, url, have); err != nil {
			return err
		}
		defer res.Body.Close()
	}
	switch {
	case res.StatusCode == http.StatusPartialContent && have > 0:
		want := fmt.Sprintf("bytes %d-%d/%d", have, s.Size-1, s.Size)
		if got := res.Header.Get("Content-Range"); got != want {
			return broken("%s: the server sent the range %q, want %q", url, got, want)
		}
	case res.StatusCode == http.StatusOK:
		have = 0
	default:
		return broken("%s: the server answered %s", url, res.Status)
	}
	if n := res.ContentLength; n >= 0 && n != s.Size-have {
		return broken("%s: the server offers %d bytes, want %d: not the archive; perhaps a page of a proxy or of a network that asks for a login", url, n, s.Size-have)
	}
	return f.append(ctx, cancel, s, url, part, have, before, res.Body)
}

func (f *fetcher) get(ctx context.Context, url string, from int64) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	// The archive's bytes are wanted, not a coding of them.
	req.Header.Set("Accept-Encoding", "identity")
	if from > 0 {
		req.Header.Set("Range", fmt.Sprintf("bytes=%d-", from))
	}
	res, err := f.client.Do(req)
	if err != nil {
		return nil, &brokenError{err}
	}
	return res, nil
}

// append writes body to part from byte have on, never beyond the size of s.
// A transfer that stalls is cancelled.
func (f *fetcher) append(ctx context.Context, cancel context.CancelCauseFunc, s *source, url, part string, have, before int64, body io.Reader) (err error) {
	flag := os.O_WRONLY | os.O_CREATE | os.O_APPEND
	if have == 0 {
		flag |= os.O_TRUNC
	}
	w, err := f.disk.create(part, flag)
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	defer func() {
		if cerr := w.Close(); cerr != nil && err == nil {
			err = fmt.Errorf("data: %w", cerr)
		}
	}()
	moved, stop := f.watch(func() { cancel(fmt.Errorf("no byte came for %v", stall)) })
	defer stop()
	f.progress(before+have, f.total)
	buf := make([]byte, 1<<16)
	for {
		n, rerr := body.Read(buf)
		moved()
		if n > 0 {
			if have+int64(n) > s.Size {
				return broken("%s: the server sent more than the %d bytes of the archive", url, s.Size)
			}
			if _, err := w.Write(buf[:n]); err != nil {
				return fmt.Errorf("data: %s: %w", part, err)
			}
			have += int64(n)
			f.progress(before+have, f.total)
		}
		switch {
		case errors.Is(rerr, io.EOF) && have == s.Size:
			if err := w.Sync(); err != nil {
				return fmt.Errorf("data: %s: %w", part, err)
			}
			return nil
		case errors.Is(rerr, io.EOF):
			return broken("%s: the transfer ended early: %w", url, io.ErrUnexpectedEOF)
		case rerr != nil && ctx.Err() != nil:
			return broken("%s: the transfer broke: %w", url, context.Cause(ctx))
		case rerr != nil:
			return broken("%s: the transfer broke: %w", url, rerr)
		}
	}
}

// verify checks size and hash of a file that should be s.
func (a *archive) verify(ctx context.Context, s *source, path string) error {
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
		return fmt.Errorf("data: %s has %d bytes, want %d: not the official %s of %s, or only a part of it", name, st.Size(), s.Size, s.name(), a.Set)
	}
	kind, want := s.hash()
	h := sha256.New()
	if kind == "MD5" {
		h = md5.New()
	}
	if _, err := io.Copy(h, contextReader{ctx, file}); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	if got := fmt.Sprintf("%x", h.Sum(nil)); got != want {
		return fmt.Errorf("data: %s has %s %s, want %s: not the official %s of %s", name, kind, got, want, s.name(), a.Set)
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
