// Package browser drives Chromium in tests: the lessons in JupyterLab and the pages of the report.
package browser

import (
	"context"
	"fmt"
	"os/exec"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// Browser is a Chromium of a test. Its context is one window.
type Browser struct {
	context.Context

	mu       sync.Mutex
	problems []string
}

// Open starts Chromium without a window and with a profile of its own, or skips the test where there is
// none. It ends with the test.
func Open(t *testing.T, options ...chromedp.ExecAllocatorOption) *Browser {
	t.Helper()
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no browser: apt-get install chromium")
	}
	options = append(append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.Flag("disable-dev-shm-usage", true)), options...)
	allocator, stop := chromedp.NewExecAllocator(context.Background(), options...)
	t.Cleanup(stop)
	ctx, closed := chromedp.NewContext(allocator)
	t.Cleanup(closed)
	b := &Browser{Context: ctx}
	chromedp.ListenTarget(ctx, func(event any) {
		switch e := event.(type) {
		case *runtime.EventExceptionThrown:
			b.add("exception: " + e.ExceptionDetails.Error())
		case *runtime.EventConsoleAPICalled:
			if e.Type == runtime.APITypeError {
				var words []string
				for _, a := range e.Args {
					words = append(words, string(a.Value)+a.Description)
				}
				b.add("console: " + strings.Join(words, " "))
			}
		case *page.EventJavascriptDialogOpening: // JupyterLab asks before a changed notebook is left
			go func() {
				if err := chromedp.Run(ctx, page.HandleJavaScriptDialog(true)); err != nil {
					b.add("dialog: " + err.Error())
				}
			}()
		}
	})
	return b
}

func (b *Browser) add(problem string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.problems = append(b.problems, problem)
}

// Problems returns the errors of scripts since the last call.
func (b *Browser) Problems() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	found := b.problems
	b.problems = nil
	return found
}

// Do runs actions, or ends the test.
func (b *Browser) Do(t *testing.T, what string, actions ...chromedp.Action) {
	t.Helper()
	if err := chromedp.Run(b, actions...); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
}

// Eval returns the value of a JavaScript expression, which may be a promise, or ends the test.
func Eval[T any](t *testing.T, b *Browser, format string, args ...any) T {
	t.Helper()
	script := fmt.Sprintf(format, args...)
	var v T
	err := chromedp.Run(b, chromedp.Evaluate(script, &v, func(p *runtime.EvaluateParams) *runtime.EvaluateParams {
		return p.WithAwaitPromise(true)
	}))
	if err != nil {
		t.Fatalf("%.200s: %v", script, err)
	}
	return v
}

// Wait waits until a JavaScript expression is true: for as long as the test may take.
func Wait(t *testing.T, b *Browser, format string, args ...any) {
	t.Helper()
	script := fmt.Sprintf(format, args...)
	for !Eval[bool](t, b, "Boolean(%s)", script) {
		time.Sleep(100 * time.Millisecond) // polls
	}
}
