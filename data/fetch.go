package data

import (
	"context"
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
	create   createFunc
	progress func(done, total int64)
	logf     func(format string, args ...any)
}

func newFetcher(o Options) *fetcher {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = stall
	f := &fetcher{client: &http.Client{Transport: t}, create: createFile, progress: o.Progress, logf: o.logf}
	if f.progress == nil {
		f.progress = func(int64, int64) {}
	}
	return f
}

// download brings the whole archive of a into the file part, or goes on with what
// part holds, and checks size and hash. Whatever fails, part is left so that the
// next call can go on from it.
func (f *fetcher) download(ctx context.Context, a *archive, part string) error {
	resumed, err := f.transfer(ctx, a, part)
	if err != nil {
		return err
	}
	bad := a.verify(ctx, part)
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
	f.logf("the continued download of %s is not the official archive: loading it from the start", a.Set)
	if _, err := f.transfer(ctx, a, part); err != nil {
		return err
	}
	if bad := a.verify(ctx, part); bad != nil {
		return errors.Join(
			fmt.Errorf("%w; the download was removed: something between here and the server alters it; %s", bad, a.waysOut()),
			os.Remove(part))
	}
	return nil
}

// transfer fills part up to the archive's size. It takes a broken transfer up
// again as long as each attempt brings more than was ever there. resumed reports
// whether part is made of more than one answer.
func (f *fetcher) transfer(ctx context.Context, a *archive, part string) (resumed bool, err error) {
	best, err := sizeOf(part)
	if err != nil {
		return false, err
	}
	if best > a.Size {
		best = 0 // not a part of the archive; attempt starts anew
	}
	resumed = best > 0
	for attempt := 0; ; attempt++ {
		err := f.attempt(ctx, a, part)
		if err == nil {
			return resumed, nil
		}
		have, serr := sizeOf(part)
		if serr != nil {
			return resumed, serr
		}
		var broken *brokenError
		if !errors.As(err, &broken) || ctx.Err() != nil || have <= best || attempt == maxResumes {
			if errors.As(err, &broken) && ctx.Err() == nil {
				err = fmt.Errorf("data: fetching %s: %w; %d of %d bytes are kept: the same command again goes on from there; %s",
					a.Set, err, have, a.Size, a.waysOut())
			}
			return resumed, err
		}
		f.logf("the transfer broke at %d of %d bytes: going on", have, a.Size)
		best, resumed = have, true
	}
}

// brokenError is a failure of the network or the server that another attempt may
// not have, as against one of the disk.
type brokenError struct{ err error }

func (e *brokenError) Error() string { return e.err.Error() }
func (e *brokenError) Unwrap() error { return e.err }

func broken(format string, args ...any) error { return &brokenError{fmt.Errorf(format, args...)} }

// attempt asks once for what part lacks and appends what comes.
func (f *fetcher) attempt(ctx context.Context, a *archive, part string) error {
	have, err := sizeOf(part)
	if err != nil {
		return err
	}
	if have > a.Size {
		have = 0
	}
	if have == a.Size {
		return nil
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	res, err := f.get(ctx, a.URL, have)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	if res.StatusCode == http.StatusRequestedRangeNotSatisfiable && have > 0 {
		// The server holds less than we do: what we have is not its archive.
		res.Body.Close()
		have = 0
		if res, err = f.get(ctx, a.URL, have); err != nil {
			return err
		}
		defer res.Body.Close()
	}
	switch {
	case res.StatusCode == http.StatusPartialContent && have > 0:
		want := fmt.Sprintf("bytes %d-%d/%d", have, a.Size-1, a.Size)
		if got := res.Header.Get("Content-Range"); got != want {
			return broken("%s: the server sent the range %q, want %q", a.URL, got, want)
		}
	case res.StatusCode == http.StatusOK:
		have = 0
	default:
		return broken("%s: the server answered %s", a.URL, res.Status)
	}
	if n := res.ContentLength; n >= 0 && n != a.Size-have {
		return broken("%s: the server offers %d bytes, want %d: not the archive; perhaps a page of a proxy or of a network that asks for a login", a.URL, n, a.Size-have)
	}
	return f.append(ctx, cancel, a, part, have, res.Body)
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

// append writes body to part from byte have on, never beyond the archive's size.
// A transfer that stalls is cancelled.
func (f *fetcher) append(ctx context.Context, cancel context.CancelCauseFunc, a *archive, part string, have int64, body io.Reader) (err error) {
	flag := os.O_WRONLY | os.O_CREATE | os.O_APPEND
	if have == 0 {
		flag |= os.O_TRUNC
	}
	w, err := f.create(part, flag)
	if err != nil {
		return fmt.Errorf("data: %w", err)
	}
	defer func() {
		if cerr := w.Close(); cerr != nil && err == nil {
			err = fmt.Errorf("data: %w", cerr)
		}
	}()
	timer := time.AfterFunc(stall, func() { cancel(fmt.Errorf("no byte came for %v", stall)) })
	defer timer.Stop()
	f.progress(have, a.Size)
	buf := make([]byte, 1<<16)
	for {
		n, rerr := body.Read(buf)
		timer.Reset(stall)
		if n > 0 {
			if have+int64(n) > a.Size {
				return broken("%s: the server sent more than the %d bytes of the archive", a.URL, a.Size)
			}
			if _, err := w.Write(buf[:n]); err != nil {
				return fmt.Errorf("data: %s: %w", part, err)
			}
			have += int64(n)
			f.progress(have, a.Size)
		}
		switch {
		case errors.Is(rerr, io.EOF) && have == a.Size:
			if err := w.Sync(); err != nil {
				return fmt.Errorf("data: %s: %w", part, err)
			}
			return nil
		case errors.Is(rerr, io.EOF):
			return broken("%s: the transfer ended early: %w", a.URL, io.ErrUnexpectedEOF)
		case rerr != nil && ctx.Err() != nil:
			return broken("%s: the transfer broke: %w", a.URL, context.Cause(ctx))
		case rerr != nil:
			return broken("%s: the transfer broke: %w", a.URL, rerr)
		}
	}
}

// verify checks size and hash of an archive.
func (a *archive) verify(ctx context.Context, path string) error {
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
	if st.Size() != a.Size {
		return fmt.Errorf("data: %s has %d bytes, want %d: not the official archive of %s, or only a part of it", name, st.Size(), a.Size, a.Set)
	}
	h := sha256.New()
	if _, err := io.Copy(h, contextReader{ctx, file}); err != nil {
		return fmt.Errorf("data: %w", err)
	}
	if got := fmt.Sprintf("%x", h.Sum(nil)); got != a.SHA256 {
		return fmt.Errorf("data: %s has SHA-256 %s, want %s: not the official archive of %s", name, got, a.SHA256, a.Set)
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
