package views_test

import (
	"regexp"
	"slices"
	"strings"
	"testing"

	"terroir"
	"terroir/payload/protocol"
	"terroir/views"
)

// TestEveryViewTakesScanners: marked by default, which is no condition; left out or alone where that is asked for.
func TestEveryViewTakesScanners(t *testing.T) {
	reg, err := views.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range reg.All() {
		if !slices.Contains(v.Scope, "scanners") {
			t.Errorf("%s does not take scanners", v.Name)
			continue
		}
		for value, want := range map[string]string{"marked": "", "excluded": "scanner IS NULL", "only": "scanner IS NOT NULL"} {
			statement, values, err := v.Render(map[string]string{"scanners": value})
			if err != nil {
				t.Fatal(err)
			}
			scope, _, _ := strings.Cut(statement, "\n)")
			if want == "" && strings.Contains(scope, "scanner") || !strings.Contains(scope, want) || values["scanners"] != value {
				t.Errorf("%s, %s: %s", v.Name, value, scope)
			}
		}
		if _, values, err := v.Render(nil); err != nil || values["scanners"] != "marked" {
			t.Errorf("%s: %v, %v", v.Name, values, err)
		}
		if _, _, err := v.Render(map[string]string{"scanners": "NULL"}); terroir.ErrorCode(err) != terroir.EINVALID {
			t.Errorf("%s: %v", v.Name, err)
		}
	}
}

var pair = regexp.MustCompile(`\('([a-z0-9-]+)', '([a-z0-9-]+)'\)`)

// expectedInView are the protocols that the view wrong-protocol takes for right, by service.
func expectedInView(t *testing.T) map[string][]string {
	t.Helper()
	reg, err := views.Shipped()
	if err != nil {
		t.Fatal(err)
	}
	v, err := reg.Get("wrong-protocol")
	if err != nil {
		t.Fatal(err)
	}
	list, _, ok := strings.Cut(v.SQL, "), services AS")
	if !ok {
		t.Fatal("the view has no list of what is expected")
	}
	expected := map[string][]string{}
	for _, m := range pair.FindAllStringSubmatch(list, -1) {
		expected[m[1]] = append(expected[m[1]], m[2])
	}
	return expected
}

// What the view takes for right is what the recogniser's table says.
func TestTheViewExpectsWhatTheRecogniserDoes(t *testing.T) {
	inView := expectedInView(t)
	for _, service := range protocol.Services() {
		got, want := slices.Sorted(slices.Values(inView[service])), slices.Sorted(slices.Values(protocol.Expected(service)))
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v in the view, %v in the table", service, got, want)
		}
		delete(inView, service)
	}
	if len(inView) > 0 {
		t.Errorf("in the view alone: %v", inView)
	}
}

// Of the study's ports one alone has no service of which something is expected.
func TestTheServicesOfTheStudyAreExpectedToSpeak(t *testing.T) {
	expected := expectedInView(t)
	for _, p := range terroir.Containers().Ports {
		if protocols := expected[p.Service]; (len(protocols) == 0) != (p.Service == "outlier") {
			t.Errorf("%s is expected to speak %v", p.Service, protocols)
		}
	}
}
