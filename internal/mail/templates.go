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

// Data is what the templates may say.
type Data struct {
	// AppName is what the application is called.
	AppName string
	// Name is the customer's name; it may be empty.
	Name string
	// ResetURL is the link to choose a password with; empty in other messages.
	ResetURL string
	// ValidFor is how long the link works, in words.
	ValidFor string
}

// Templates makes messages: of every purpose a subject, a text and an HTML body.
type Templates struct {
	text map[string]*texttemplate.Template
	html map[string]*htmltemplate.Template
}

// files of a purpose.
var files = map[v1alpha1.EmailPurpose]string{
	v1alpha1.EmailWelcome:       "welcome",
	v1alpha1.EmailPasswordReset: "password-reset",
}

// LoadTemplates reads the built-in templates and those of a folder, which replace the built-in ones of the same name. It renders each
// once: what does not work is an error here, with file and line, and not when the first customer comes.
func LoadTemplates(folder string) (*Templates, error) {
	t := &Templates{text: map[string]*texttemplate.Template{}, html: map[string]*htmltemplate.Template{}}
	var errs []error
	for _, purpose := range []v1alpha1.EmailPurpose{v1alpha1.EmailWelcome, v1alpha1.EmailPasswordReset} {
		before := len(errs)
		for _, kind := range []string{".subject", ".txt", ".html"} {
			if err := t.load(folder, files[purpose]+kind); err != nil {
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

// load reads one template.
func (t *Templates) load(folder, name string) error {
	content, err := fs.ReadFile(builtIn, path.Join("templates", name))
	if err != nil {
		return err
	}
	if folder != "" {
		replaced, err := os.ReadFile(filepath.Join(folder, name))
		switch {
		case err == nil:
			content = replaced
		case !errors.Is(err, fs.ErrNotExist):
			return err
		}
	}
	if strings.HasSuffix(name, ".html") {
		t.html[name], err = htmltemplate.New(name).Option("missingkey=error").Parse(string(content))
	} else {
		t.text[name], err = texttemplate.New(name).Option("missingkey=error").Parse(string(content))
	}
	return err
}

// unknownFiles refuses files that replace nothing: a misspelt name would go unnoticed.
func unknownFiles(folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	var errs []error
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), ".") { // how a ConfigMap is mounted
			continue
		}
		if _, err := fs.Stat(builtIn, path.Join("templates", entry.Name())); err != nil {
			errs = append(errs, fmt.Errorf("%s replaces no built-in template", filepath.Join(folder, entry.Name())))
		}
	}
	return errors.Join(errs...)
}

// Render makes the subject and the bodies of a message.
func (t *Templates) Render(purpose v1alpha1.EmailPurpose, data Data) (subject, text, html string, err error) {
	name := files[purpose]
	var buffer bytes.Buffer
	if err := t.text[name+".subject"].Execute(&buffer, data); err != nil {
		return "", "", "", err
	}
	subject = strings.Join(strings.Fields(buffer.String()), " ")
	if subject == "" {
		return "", "", "", fmt.Errorf("template %s.subject makes an empty subject", name)
	}
	buffer.Reset()
	if err := t.text[name+".txt"].Execute(&buffer, data); err != nil {
		return "", "", "", err
	}
	text = buffer.String()
	buffer.Reset()
	if err := t.html[name+".html"].Execute(&buffer, data); err != nil {
		return "", "", "", err
	}
	return subject, text, buffer.String(), nil
}
