package record

import (
	"strings"
	"testing"
)

// TestPaperTables: a cell of each table, as the paper prints it, and what is wrong with a damaged file.
func TestPaperTables(t *testing.T) {
	one, err := PaperTable1()
	if err != nil {
		t.Fatal(err)
	}
	two, err := PaperTable2()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []PaperCell{{"cifar10", 10, "test_error", 21.23, 21.60}, {"cifar10", 20, "ncc_error",
		3.06, 2.49}} {
		if c, ok := PaperValue(one, want.Dataset, want.Epoch, want.Metric); !ok || c != want {
			t.Errorf("Table 1: %+v, want %+v", c, want)
		}
	}
	if c, ok := PaperValue(two, "tiny-imagenet", 10, LogLoss); !ok || c.CE != 0.71 || c.LS != 0.64 {
		t.Errorf("Table 2: %+v", c)
	}
	if _, ok := PaperValue(one, "mnist", 10, "test_error"); ok {
		t.Error("a data set that the paper does not have")
	}
	for text, want := range map[string]string{
		"": "0 lines", "epoch,a_ce,a_ls\n10,n/a,1\n": `column a_ce at epoch 10: want a number, found "n/a"`,
		"epoch,a_ce\n10,1\n": "column a_ls", "epoch,a_ce,a_ls\nx,1,2\n": `epoch "x" is no number`,
	} {
		if _, err := readCells("Table 9", text); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
}
