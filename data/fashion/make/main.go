// Command make builds the files that package fashion embeds from the four
// published files of Fashion-MNIST:
//
//	go run ./data/fashion/make -from FOLDER -out data/fashion
//
// FOLDER holds the files as published at
// https://github.com/zalandoresearch/fashion-mnist, or as Debian's package
// dataset-fashion-mnist installs them (/usr/share/datasets/fashion-mnist).
// The hash of each file's content, uncompressed, is checked: Debian's files differ
// from the published ones in the gzip header only. (With the published names and
// times put back into the headers, Debian's files have the MD5 sums that
// Fashion-MNIST's README gives.)
//
// Of each class the first 500 training and the first 100 test images are kept, in
// the order of the files. The same input gives the same bytes.
package main

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"flag"
	"fmt"
	"io"
	"log"
	"os"
	"path/filepath"

	"github.com/gocollapse/collapse/data/idx"
	"github.com/gocollapse/collapse/internal/atomic"
)

// source is a published file: its name and the SHA-256 of its content.
type source struct{ name, sha256 string }

var splits = []struct {
	images, labels source
	perClass       int
}{
	{source{"train-images-idx3-ubyte.gz", "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"},
		source{"train-labels-idx1-ubyte.gz", "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"}, 500},
	{source{"t10k-images-idx3-ubyte.gz", "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"},
		source{"t10k-labels-idx1-ubyte.gz", "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"}, 100},
}

func main() {
	log.SetFlags(0)
	log.SetPrefix("make: ")
	from := flag.String("from", "", "folder of the published files")
	out := flag.String("out", ".", "folder to write to")
	flag.Parse()
	if *from == "" || flag.NArg() > 0 {
		flag.Usage()
		os.Exit(2)
	}
	for _, s := range splits {
		images, err := read(*from, s.images, 3)
		if err != nil {
			log.Fatal(err)
		}
		labels, err := read(*from, s.labels, 1)
		if err != nil {
			log.Fatal(err)
		}
		images, labels, err = first(images, labels, s.perClass)
		if err != nil {
			log.Fatal(err)
		}
		for _, f := range []struct {
			name string
			a    idx.Array
		}{{s.images.name, images}, {s.labels.name, labels}} {
			if err := write(filepath.Join(*out, f.name), f.a); err != nil {
				log.Fatal(err)
			}
		}
	}
}

// read reads and checks a published file.
func read(dir string, s source, rank int) (idx.Array, error) {
	f, err := os.Open(filepath.Join(dir, s.name))
	if err != nil {
		return idx.Array{}, err
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		return idx.Array{}, fmt.Errorf("%s: %w", s.name, err)
	}
	h := sha256.New()
	a, err := idx.Read(io.TeeReader(z, h), rank, 1<<30)
	if err != nil {
		return idx.Array{}, fmt.Errorf("%s: %w", s.name, err)
	}
	if got := hex.EncodeToString(h.Sum(nil)); got != s.sha256 {
		return idx.Array{}, fmt.Errorf("%s: content has SHA-256 %s, want %s: not the published file",
			s.name, got, s.sha256)
	}
	return a, nil
}

// first keeps the first n images of each of the ten classes in their order.
func first(images, labels idx.Array, n int) (idx.Array, idx.Array, error) {
	pixels := images.Dims[1] * images.Dims[2]
	var counts [10]int
	var x, y []byte
	for i, l := range labels.Data {
		if counts[l] == n {
			continue
		}
		counts[l]++
		x = append(x, images.Data[i*pixels:(i+1)*pixels]...)
		y = append(y, l)
	}
	if len(y) != 10*n {
		return idx.Array{}, idx.Array{}, fmt.Errorf("want %d images of each of ten classes, found %v", n, counts)
	}
	return idx.Array{Dims: []int{len(y), images.Dims[1], images.Dims[2]}, Data: x},
		idx.Array{Dims: []int{len(y)}, Data: y}, nil
}

// write writes a gzipped IDX file with no name or time in its header.
func write(path string, a idx.Array) error {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return err
	}
	if err := idx.Write(z, a); err != nil {
		return err
	}
	if err := z.Close(); err != nil {
		return err
	}
	fmt.Printf("%x  %s\n", sha256.Sum256(b.Bytes()), filepath.Base(path))
	return atomic.WriteFile(path, b.Bytes())
}
