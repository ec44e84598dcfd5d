package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
)

// screenshot is where TestPage keeps its picture of the overview; docs/overview.png is made with it:
//
//	go test ./cmd/terroir -run TestPage -screenshot ../../docs/overview.png
var screenshot = flag.String("screenshot", "", "file for the picture of the overview page")

// TestPage runs the demo as a user does, and looks at its page in a browser.
func TestPage(t *testing.T) {
	needs(t, "chromium")
	demo := begin(t, "demo", "--dir", t.TempDir(), "--listen", "127.0.0.1:0")
	page := demo.wait(`The page:\s+(http://\S+)`)
	target := demo.wait(`nc -w 2 (\S+ \d+)`)

	t.Run("without JavaScript", func(t *testing.T) { plainPage(t, page) })
	opt := append(chromedp.DefaultExecAllocatorOptions[:], chromedp.ExecPath("chromium"), chromedp.NoSandbox,
		chromedp.WindowSize(1440, 1500), chromedp.Flag("hide-scrollbars", true))
	ctx, cancel := chromedp.NewExecAllocator(context.Background(), opt...)
	defer cancel()
	for _, scheme := range []string{"dark", "light"} {
		t.Run(scheme, func(t *testing.T) { browse(t, ctx, page, target, scheme) })
	}
}

// plainPage checks that the page holds its numbers before any script runs, and its policy.
func plainPage(t *testing.T, page string) {
	r, err := http.Get(page)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"22,6", "6379", "sa-east-1", "Nigeria", "port-by-region.csv"} {
		if !strings.Contains(string(body), want) {
			t.Errorf("the page does not have %q", want)
		}
	}
	if p := r.Header.Get("Content-Security-Policy"); !strings.HasPrefix(p, "default-src 'none'") || strings.Contains(p, "unsafe") {
		t.Errorf("policy %q", p)
	}
	// A page of somebody else's that has its name resolve to this address must not read it.
	q, err := http.NewRequest(http.MethodGet, page+"api/v1/views/summary.json", nil)
	if err != nil {
		t.Fatal(err)
	}
	q.Host = "attacker.example"
	if r, err = http.DefaultClient.Do(q); err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if r.StatusCode != http.StatusMisdirectedRequest {
		t.Errorf("status %d for a strange host", r.StatusCode)
	}
}

// browse opens every page, in light some of them, listens for complaints of the browser, and sends an event that must show up.
func browse(t *testing.T, parent context.Context, page, target, scheme string) {
	ctx, cancel := chromedp.NewContext(parent)
	defer cancel()
	ctx, cancel = context.WithTimeout(ctx, 5*time.Minute)
	defer cancel()
	complaints := make(chan string, 100)
	if err := chromedp.Listen(ctx, func(e any) {
		switch e := e.(type) {
		case *log.EventEntryAdded:
			complaints <- fmt.Sprintf("%s: %s %s", e.Entry.Level, e.Entry.Text, e.Entry.URL)
		case *runtime.EventExceptionThrown:
			complaints <- e.ExceptionDetails.Text
		}
	}); err != nil {
		t.Fatal(err)
	}
	prepare := chromedp.Func(func(ctx context.Context, x *chromedp.Target) error {
		if _, err := cdp.Call(ctx, x, log.Enable, cdp.Empty{}); err != nil {
			return err
		}
		_, err := cdp.Call(ctx, x, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
		return err
	})
	if err := chromedp.Do(ctx, prepare, chromedp.Navigate(page+"views"), chromedp.WaitVisible("dl.views")); err != nil {
		t.Fatal(err)
	}
	views, err := chromedp.Run(ctx, chromedp.Evaluate[[]string](`[...document.querySelectorAll('dl.views a')].map(a => a.href)`))
	if err != nil {
		t.Fatal(err)
	}
	if len(views) < 8 {
		t.Errorf("the list has only %d views", len(views))
	}
	if scheme == "light" {
		views = views[:3] // In dark all of them were opened: the scheme changes colours alone.
	}
	for _, v := range views {
		if err := chromedp.Do(ctx, chromedp.Navigate(v), chromedp.WaitVisible("main .panel")); err != nil {
			t.Errorf("%s: %v", v, err)
		}
	}
	if err := chromedp.Do(ctx, chromedp.Navigate(page), chromedp.WaitVisible("#live table")); err != nil {
		t.Fatal(err)
	}
	if *screenshot != "" && scheme == "light" {
		picture(t, ctx)
	}
	live(t, ctx, target, "hello from a "+scheme+" test")
	for len(complaints) > 0 {
		t.Errorf("the browser says: %s", <-complaints)
	}
}

// live sends an event to a sensor and waits until the page, untouched, shows it.
func live(t *testing.T, ctx context.Context, target, text string) {
	t.Helper()
	c, err := net.Dial("tcp", strings.Replace(target, " ", ":", 1))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, text+" <script>alert(1)</script>\r\n"); err != nil {
		t.Fatal(err)
	}
	c.Close()
	sent := time.Now()
	shown, err := chromedp.Run(ctx, chromedp.Poll[bool](fmt.Sprintf(`document.querySelector('#live').textContent.includes(%q)`, text)))
	if err != nil || !shown {
		t.Fatalf("the page does not show what was sent: %v", err)
	}
	t.Logf("shown after %s", time.Since(sent).Round(time.Millisecond))
}

func picture(t *testing.T, ctx context.Context) {
	t.Helper()
	png, err := chromedp.Run(ctx, chromedp.FullScreenshot(100))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(*screenshot, png, 0o644); err != nil {
		t.Fatal(err)
	}
}
