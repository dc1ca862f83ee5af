package train

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gocollapse/collapse/internal/lock"
	"github.com/gocollapse/collapse/record"
)

// lockFile is held in a run's folder while a process trains there.
const lockFile = ".lock"

// ErrInUse says that another process trains in the folder.
var ErrInUse = errors.New("train: the folder is in use")

// lockFolder locks the folder for this process. The lock ends with the process, however that
// ends.
func lockFolder(out string, log io.Writer) (unlock func(), err error) {
	unlock, err = lock.Try(filepath.Join(out, lockFile))
	var held *lock.Held
	switch {
	case errors.As(err, &held):
		by := held.By
		if by == "" {
			by = "another process"
		}
		return nil, fmt.Errorf("%w: %s trains in %s; wait for it or stop it (it then writes a checkpoint), or take"+
			" another folder", ErrInUse, by, out)
	case errors.Is(err, errors.ErrUnsupported):
		notef(log, "%s: this file system has no locks; take care that one process alone trains there", out)
		return func() {}, nil
	case err != nil:
		return nil, fmt.Errorf("train: folder for the run: %w", err)
	}
	return unlock, nil
}

// InUse returns an error that wraps ErrInUse where a process trains in the folder out,
// and nil for a folder that is free or not there.
func InUse(out string) error {
	if _, err := os.Stat(filepath.Join(out, lockFile)); err != nil {
		return nil
	}
	unlock, err := lockFolder(out, io.Discard)
	if err == nil {
		unlock()
	}
	return err
}

// SpecOf returns the specification of the run in a folder: that of its record, or of a
// checkpoint where the record cannot be read.
func SpecOf(out string) (record.Spec, error) {
	rec, err := record.ReadFile(out)
	if err == nil {
		return rec.Spec, nil
	}
	for _, name := range []string{CheckpointFile, PreviousFile} {
		if c, cerr := openCheckpoint(filepath.Join(out, name)); cerr == nil {
			return c.Record.Spec, nil
		}
	}
	return record.Spec{}, fmt.Errorf("train: no run in %s: %w", out, err)
}

// contents says what a folder holds of a run.
type contents struct{ record, checkpoint bool }

func holds(out string) (c contents, err error) {
	exists := func(name string) bool {
		_, serr := os.Stat(filepath.Join(out, name))
		if serr != nil && !errors.Is(serr, fs.ErrNotExist) {
			err = errors.Join(err, serr)
		}
		return serr == nil
	}
	c.record = exists(RecordFile)
	newest, previous := exists(CheckpointFile), exists(PreviousFile)
	c.checkpoint = newest || previous
	if err != nil {
		err = fmt.Errorf("train: folder for the run: %w", err)
	}
	return c, err
}

// checkFolder reports a folder that a new run would overwrite, or that holds nothing to
// resume.
func checkFolder(out string, resume bool) error {
	c, err := holds(out)
	switch {
	case err != nil:
		return err
	case resume && !c.record && !c.checkpoint:
		return fmt.Errorf("train: %s holds neither %s nor %s to resume from; run without resume in a new folder", out,
			CheckpointFile, RecordFile)
	case !resume && (c.record || c.checkpoint):
		return fmt.Errorf("train: %s holds a run already; resume it, or take another folder", out)
	}
	return nil
}

// runFolder is the folder of a run, which is locked while the run goes on.
type runFolder struct {
	out    string
	resume bool
	log    io.Writer
	free   func() // nil while the folder is not locked
}

// lockOld locks the folder where it is there, and reports one that does not fit the run.
func (f *runFolder) lockOld() error {
	if _, err := os.Stat(f.out); err != nil {
		return checkFolder(f.out, f.resume)
	}
	return f.lock()
}

// lockNew makes and locks the folder where lockOld found none.
func (f *runFolder) lockNew() error {
	if f.free != nil {
		return nil
	}
	if err := os.MkdirAll(f.out, 0o777); err != nil {
		return fmt.Errorf("train: folder for the run: %w", err)
	}
	return f.lock()
}

func (f *runFolder) lock() (err error) {
	if f.free, err = lockFolder(f.out, f.log); err != nil {
		return err
	}
	return checkFolder(f.out, f.resume)
}

func (f *runFolder) unlock() {
	if f.free != nil {
		f.free()
	}
}

// clean removes what a killed process left of files that it was writing. The folder is
// locked.
func clean(out string) error {
	entries, err := os.ReadDir(out)
	if err != nil {
		return fmt.Errorf("train: folder for the run: %w", err)
	}
	for _, e := range entries {
		left := e.Name() == nextFile
		for _, prefix := range []string{".checkpoint", "." + RecordFile + ".", "." + LogitsFile + "."} {
			left = left || strings.HasPrefix(e.Name(), prefix)
		}
		if left {
			if err := os.Remove(filepath.Join(out, e.Name())); err != nil {
				return fmt.Errorf("train: folder for the run: %w", err)
			}
		}
	}
	return nil
}

// notef writes a line that a user would want to read.
func notef(log io.Writer, format string, args ...any) {
	if log != nil {
		fmt.Fprintf(log, "note     "+format+"\n", args...)
	}
}
