package mail

import (
	"bytes"
	"embed"
	"errors"
	"fmt"
	htmltemplate "html/template"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	texttemplate "text/template"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
)

//go:embed templates
var builtIn embed.FS

// Data is the data for the templates.
type Data struct {
	// AppName is the name of the application.
	AppName string
	// Name is the customer's name; it may be empty.
	Name string
	// ResetURL is the link to choose a password; empty in other messages.
	ResetURL string
	// ValidFor is how long the link works, such as "1 day".
	ValidFor string
}

// Templates has a subject, a text and an HTML template for every purpose.
type Templates struct {
	text map[string]*texttemplate.Template
	html map[string]*htmltemplate.Template
}

// baseNames are the template files' names without extension.
var baseNames = map[v1alpha1.EmailPurpose]string{
	v1alpha1.EmailWelcome:       "welcome",
	v1alpha1.EmailPasswordReset: "password-reset",
}

// LoadTemplates reads the built-in templates, or the files of the same names in the folder if there are any. It renders
// each once, so that a broken template is an error at start, with file and line, and not at the first message.
func LoadTemplates(folder string) (*Templates, error) {
	t := &Templates{text: map[string]*texttemplate.Template{}, html: map[string]*htmltemplate.Template{}}
	var errs []error
	for _, purpose := range []v1alpha1.EmailPurpose{v1alpha1.EmailWelcome, v1alpha1.EmailPasswordReset} {
		before := len(errs)
		for _, kind := range []string{".subject", ".txt", ".html"} {
			if err := t.load(folder, baseNames[purpose]+kind); err != nil {
				errs = append(errs, err)
			}
		}
		if len(errs) > before {
			continue
		}
		trial := Data{AppName: "App", Name: "Ada", ResetURL: "https://example.com/?token=trial", ValidFor: "1 day"}
		if _, _, _, err := t.Render(purpose, trial); err != nil {
			errs = append(errs, err)
		}
	}
	if folder != "" {
		errs = append(errs, unknownFiles(folder))
	}
	if err := errors.Join(errs...); err != nil {
		return nil, fmt.Errorf("e-mail templates: %w", err)
	}
	return t, nil
}

// load parses one template. HTML that defines a "body" goes into layout.html; other HTML is a whole page.
func (t *Templates) load(folder, name string) error {
	content, err := read(folder, name)
	if err != nil {
		return err
	}
	if !strings.HasSuffix(name, ".html") {
		t.text[name], err = texttemplate.New(name).Parse(content)
		return err
	}
	layout, err := read(folder, layoutFile)
	if err != nil {
		return err
	}
	set, err := htmltemplate.New(layoutFile).Parse(layout)
	if err != nil {
		return err
	}
	t.html[name], err = set.New(name).Parse(content)
	return err
}

// layoutFile is the common frame of the HTML messages.
const layoutFile = "layout.html"

// read returns a template's content, from the folder if it has the file.
func read(folder, name string) (string, error) {
	if folder != "" {
		content, err := os.ReadFile(filepath.Join(folder, name))
		if !errors.Is(err, fs.ErrNotExist) {
			return string(content), err
		}
	}
	content, err := fs.ReadFile(builtIn, path.Join("templates", name))
	return string(content), err
}

// unknownFiles returns an error for files that replace no template: otherwise a misspelt name would go unnoticed.
func unknownFiles(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	var errs []error
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") { // a mounted ConfigMap has such files
			continue
		}
		if _, err := fs.Stat(builtIn, path.Join("templates", entry.Name())); err != nil {
			errs = append(errs, fmt.Errorf("%s replaces no built-in template", filepath.Join(folder, entry.Name())))
		}
	}
	return errors.Join(errs...)
}

// Render returns the subject and the bodies of a message.
func (t *Templates) Render(purpose v1alpha1.EmailPurpose, data Data) (subject, text, html string, err error) {
	name := baseNames[purpose]
	var buffer bytes.Buffer
	if err := t.text[name+".subject"].Execute(&buffer, data); err != nil {
		return "", "", "", err
	}
	subject = strings.Join(strings.Fields(buffer.String()), " ")
	if subject == "" {
		return "", "", "", fmt.Errorf("template %s.subject renders an empty subject", name)
	}
	buffer.Reset()
	if err := t.text[name+".txt"].Execute(&buffer, data); err != nil {
		return "", "", "", err
	}
	text = buffer.String()
	buffer.Reset()
	page := t.html[name+".html"]
	if page.Lookup("body") != nil {
		if page = page.Lookup("layout"); page == nil {
			return "", "", "", fmt.Errorf("%s.html defines a body, but %s defines no layout for it", name, layoutFile)
		}
	}
	if err := page.Execute(&buffer, data); err != nil {
		return "", "", "", err
	}
	return subject, text, buffer.String(), nil
}
