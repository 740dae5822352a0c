package mail

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

var purposes = []v1alpha1.EmailPurpose{v1alpha1.EmailWelcome, v1alpha1.EmailPasswordReset}

const link = "https://app.example.com/reset?lang=en&token=abc"

func TestBuiltInTemplates(t *testing.T) {
	templates, err := LoadTemplates("")
	if err != nil {
		t.Fatal(err)
	}
	for _, purpose := range purposes {
		for _, name := range []string{"Ada", ""} {
			subject, text, html, err := templates.Render(purpose, Data{AppName: "Example", Name: name, ResetURL: link, ValidFor: "24 hours"})
			if err != nil {
				t.Fatal(err)
			}
			for kind, body := range map[string]string{"subject": subject, "text": text, "html": html} {
				if !strings.Contains(body, "Example") || strings.Contains(body, "<no value>") {
					t.Errorf("%s: the %s is %q", purpose, kind, body)
				}
			}
			if name != "" && (!strings.Contains(text, "Hello Ada,") || !strings.Contains(html, "Ada")) {
				t.Errorf("%s does not greet Ada", purpose)
			}
			reset := purpose == v1alpha1.EmailPasswordReset
			if strings.Contains(text, link) != reset || strings.Contains(html, "token=abc") != reset {
				t.Errorf("%s: link in it: want %t", purpose, reset)
			}
		}
	}
}

// A customer's name is always text.
func TestHostileNamesAreText(t *testing.T) {
	templates, err := LoadTemplates("")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{
		`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `{{.ResetURL}}`, `</title><b>`, `%recipient%`, "Ada\r\nBcc: eve@example.com",
	} {
		for _, purpose := range purposes {
			subject, text, html, err := templates.Render(purpose, Data{AppName: "Example", Name: Name(name), ResetURL: link, ValidFor: "1 day"})
			if err != nil {
				t.Fatal(err)
			}
			for _, mark := range []string{"<script", "<img", "<b>", "%recipient", "\r", "\nBcc"} {
				if strings.Contains(html, mark) || strings.Contains(subject, mark) {
					t.Errorf("%s to %q: %q is in it", purpose, name, mark)
				}
			}
			if strings.Contains(text, "\nBcc") || strings.Contains(text, "%recipient%") {
				t.Errorf("%s to %q: the text is %q", purpose, name, text)
			}
			if purpose == v1alpha1.EmailWelcome && strings.Contains(text+html, link) {
				t.Errorf("the name %q was read as a template", name)
			}
		}
	}
}

func TestTemplatesFromAFolder(t *testing.T) {
	for name, tc := range map[string]struct {
		files     map[string]string
		want      string // the subject of the welcome message
		wantError string
	}{
		"nothing replaced":           {nil, "Welcome to Example", ""},
		"a subject replaced":         {map[string]string{"welcome.subject": "Moin bei {{.AppName}}"}, "Moin bei Example", ""},
		"how a ConfigMap is mounted": {map[string]string{"..data": "x", "welcome.subject": "Hi"}, "Hi", ""},
		"a template that cannot be parsed": {
			map[string]string{"welcome.html": "<p>\n{{.AppName}\n</p>"}, "", `e-mail templates: template: welcome.html:2: bad character U+007D '}'`,
		},
		"an unknown field": {
			map[string]string{"welcome.txt": "Hello\n\n{{.FirstName}}"}, "", "welcome.txt:3:2: executing \"welcome.txt\" at <.FirstName>: can't evaluate field FirstName",
		},
		"a page without the layout": {map[string]string{"welcome.html": "<p>Moin {{.Name}}</p>"}, "Welcome to Example", ""},
		"a layout for all": {
			map[string]string{"layout.html": `{{define "layout"}}<b>{{template "body" .}}</b>{{end}}`}, "Welcome to Example", "",
		},
		"a layout that is not defined":   {map[string]string{"layout.html": "<p>"}, "", "welcome.html defines a body, but layout.html defines no layout"},
		"a layout that cannot be parsed": {map[string]string{"layout.html": "<p>\n{{"}, "", "template: layout.html:2: unclosed action"},
		"an empty subject":               {map[string]string{"welcome.subject": " \n"}, "", "template welcome.subject renders an empty subject"},
		"a misspelt name":                {map[string]string{"wellcome.html": "x"}, "", "wellcome.html replaces no built-in template"},
		"several errors": {
			map[string]string{"welcome.txt": "{{", "password-reset.txt": "{{end}}"}, "", "password-reset.txt:1: unexpected {{end}}",
		},
	} {
		t.Run(name, func(t *testing.T) {
			folder := t.TempDir()
			for file, content := range tc.files {
				if err := os.WriteFile(filepath.Join(folder, file), []byte(content), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			templates, err := LoadTemplates(folder)
			if tc.wantError != "" {
				if err == nil || !strings.Contains(err.Error(), tc.wantError) {
					t.Errorf("error is %v, want %s", err, tc.wantError)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			subject, _, html, err := templates.Render(v1alpha1.EmailWelcome, Data{AppName: "Example", Name: "Ada"})
			if err != nil || subject != tc.want {
				t.Errorf("subject is %q, %v; want %q", subject, err, tc.want)
			}
			if page := tc.files["welcome.html"]; page != "" && html != "<p>Moin Ada</p>" {
				t.Errorf("the page is %q", html)
			}
			if frame := tc.files["layout.html"]; frame != "" && (!strings.HasPrefix(html, "<b>") || !strings.Contains(html, "Ada")) {
				t.Errorf("the page in the layout is %q", html)
			}
		})
	}
	if _, err := LoadTemplates(filepath.Join(t.TempDir(), "missing")); err == nil {
		t.Error("a missing folder is no error")
	}
}
