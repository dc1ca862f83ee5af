package data

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"github.com/gocollapse/collapse/data/archive"
	"github.com/gocollapse/collapse/record"
)

// Report is what Verify found.
type Report struct {
	Name   string        `json:"name"`
	Folder string        `json:"folder,omitempty"` // empty for an embedded set
	Source string        `json:"source"`           // embedded, archive, folder
	Bytes  string        `json:"bytes"`            // "official" or "not the official bytes"
	Train  int           `json:"train"`            // images
	Test   int           `json:"test"`             // images
	Files  []record.File `json:"files"`
	// Decoded is the decoded copy, whose checksum is right; empty if there is none.
	Decoded string `json:"decoded,omitempty"`
}

// Verify reads every file of an installed set through, even if there is a decoded copy, and compares
// hashes with the published ones and with those of the installation. It fetches nothing. A damaged
// decoded copy is an error that names it.
func Verify(ctx context.Context, name string, o Options) (*Report, error) {
	o.Offline, o.NoCache = true, true
	d, err := find(name)
	if err != nil {
		return nil, err
	}
	d = d.in(o)
	s, err := d.openSet(ctx, o)
	if err != nil {
		return nil, err
	}
	in := s.Info
	r := &Report{Name: name, Source: in.Source, Bytes: in.Bytes, Train: in.Train, Test: in.Test, Files: in.Files}
	if d.archive == nil {
		return r, nil
	}
	dir, _, err := archive.Folder(o.Dir)
	if err != nil {
		return nil, err
	}
	r.Folder, _ = d.archive.Locate(dir)
	paths, _, err := d.from(r.Folder).copies(o)
	if err != nil {
		return nil, fmt.Errorf("data: %w", err)
	}
	for _, path := range paths {
		switch err := checkCache(path); {
		case err == nil:
			r.Decoded = path
		case !errors.Is(err, fs.ErrNotExist):
			return nil, fmt.Errorf("data: decoded copy %s: %w; remove it, and the next use makes it anew", path, err)
		}
	}
	return r, nil
}
