package edit

import (
	"slices"
	"testing"
)

func TestNearest(t *testing.T) {
	names := []string{"resnet18", "resnet34", "resnet50", "cnn"}
	for s, want := range map[string]string{
		"resnet15": "resnet18", "resnet5": "resnet50", "resnet-34": "resnet34", "cn": "cnn", "": "cnn", "cnn": "cnn",
	} {
		if got := Nearest(s, names); got != want {
			t.Errorf("nearest to %q is %q, want %q", s, got, want)
		}
	}
	for s, want := range map[string]string{
		"bf16": "bfloat16", "tf": "tf32", "float": "float32", "float16": "bfloat16", "f16": "tf32",
	} {
		if got := Nearest(s, []string{"float32", "tf32", "bfloat16"}); got != want {
			t.Errorf("nearest to %q is %q, want %q", s, got, want)
		}
	}
	if got := Nearest("x", nil); got != "" {
		t.Errorf("nearest of none is %q", got)
	}
}

func TestNear(t *testing.T) {
	names := []string{"fig1", "fig10", "fig2", "table1"}
	if got := Near("fig11", names, 3); !slices.Equal(got, []string{"fig1", "fig10", "fig2"}) {
		t.Errorf("near fig11: %v", got)
	}
	if got := Near("fig", names[:1], 3); !slices.Equal(got, names[:1]) || len(names) != 4 {
		t.Errorf("of one name: %v", got)
	}
}
