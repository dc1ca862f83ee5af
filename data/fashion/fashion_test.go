package fashion_test

import (
	"crypto/sha256"
	"fmt"
	"strings"
	"testing"

	"github.com/gocollapse/collapse/data/fashion"
)

// The embedded bytes are those that command make built from the published files.
func TestHashes(t *testing.T) {
	want := map[string]string{
		fashion.TrainImages: "0491a22aa11e5ab44e87d4d74a51bf25a7793911f35f42828c2c133b4b2abda9",
		fashion.TrainLabels: "f57f004c0a77bb7ab1076fc41085de18d06a4627581e4635866c6859b2ff9f8f",
		fashion.TestImages:  "793d491d399ed01ab342a8be1e6e0670dd7f531af252a9113feb25ccc802114b",
		fashion.TestLabels:  "bccb178b595cb80a7b15f4360bb80661766cbcf209aa778e23a239fcfef6a0b8",
	}
	if len(fashion.Names()) != len(want) {
		t.Errorf("%d files, want %d", len(fashion.Names()), len(want))
	}
	for _, name := range fashion.Names() {
		b, err := fashion.Files.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprintf("%x", sha256.Sum256(b)); got != want[name] {
			t.Errorf("%s has SHA-256 %s, want %s", name, got, want[name])
		}
	}
}

func TestSplits(t *testing.T) {
	for _, c := range []struct {
		name  string
		read  func() ([]byte, []byte, error)
		n     int
		first []byte // labels; those of the published files, which start with them
	}{
		{"train", fashion.Train, 5000, []byte{9, 0, 0, 3, 0, 2, 7, 2, 5, 5}},
		{"test", fashion.Test, 1000, []byte{9, 2, 1, 1, 6, 1, 4, 6, 5, 7}},
	} {
		images, labels, err := c.read()
		if err != nil {
			t.Fatal(err)
		}
		if len(labels) != c.n || len(images) != c.n*28*28 {
			t.Fatalf("%s: %d labels, %d pixels, want %d images of 28×28", c.name, len(labels), len(images), c.n)
		}
		if string(labels[:10]) != string(c.first) {
			t.Errorf("%s: labels begin %v, want %v", c.name, labels[:10], c.first)
		}
		var counts [10]int
		for _, l := range labels {
			counts[l]++
		}
		for k, n := range counts {
			if n != c.n/10 {
				t.Errorf("%s: class %d (%s) has %d images, want %d", c.name, k, fashion.Classes()[k], n, c.n/10)
			}
		}
	}
}

func TestLicense(t *testing.T) {
	for _, words := range []string{"2017 Zalando SE", "Permission is hereby granted"} {
		if !strings.Contains(fashion.License, words) {
			t.Errorf("licence text %q", fashion.License)
		}
	}
}
