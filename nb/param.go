package nb

import (
	"fmt"
	"os"
	"strconv"
	"strings"
)

// Param returns a parameter of a lesson: the environment's variable COLLAPSE_PARAM_NAME where it is
// set, else the default. nb.Param("epochs", 12) reads COLLAPSE_PARAM_EPOCHS, so that a class can run
// a lesson quick or long:
//
//	COLLAPSE_PARAM_EPOCHS=3 make lab
//
// A value that is not of the default's type stops the cell with an error.
func Param[T int | float64 | bool | string](name string, usual T) T {
	v, err := param(name, usual)
	Try(err)
	return v
}

func param[T int | float64 | bool | string](name string, usual T) (T, error) {
	variable := "COLLAPSE_PARAM_" + strings.ToUpper(strings.ReplaceAll(key(name), "-", "_"))
	text, set := os.LookupEnv(variable)
	if !set || text == "" {
		return usual, nil
	}
	var value any
	var err error
	want := ""
	switch any(usual).(type) {
	case int:
		value, err = strconv.Atoi(text)
		want = "a whole number"
	case float64:
		value, err = strconv.ParseFloat(text, 64)
		want = "a number"
	case bool:
		value, err = strconv.ParseBool(text)
		want = "true or false"
	default:
		value = text
	}
	if err != nil {
		return usual, fmt.Errorf("parameter %s is %q; want %s, such as %v", variable, text, want, usual)
	}
	return value.(T), nil
}
