//go:build !unix

package main

import "os"

// userSignals are those that --checkpoint-signal takes: this system has none.
var userSignals = map[string]os.Signal{}

func signalName(s os.Signal) string { return s.String() }
