package edit

import "testing"

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
