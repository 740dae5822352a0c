package mailguntest

import (
	"bytes"
	"fmt"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/textproto"
	"os"
	"path/filepath"
	"strings"
	"time"
)

// EML returns the message in the .eml format (RFC 5322), which mail programs open.
func (m Message) EML() ([]byte, error) {
	var body bytes.Buffer
	parts := multipart.NewWriter(&body)
	for _, part := range []struct{ kind, field string }{{"text/plain", "text"}, {"text/html", "html"}} {
		w, err := parts.CreatePart(textproto.MIMEHeader{
			"Content-Type": {part.kind + "; charset=utf-8"}, "Content-Transfer-Encoding": {"quoted-printable"},
		})
		if err != nil {
			return nil, err
		}
		encoded := quotedprintable.NewWriter(w)
		if _, err := encoded.Write([]byte(m.Field(part.field))); err != nil {
			return nil, err
		}
		if err := encoded.Close(); err != nil {
			return nil, err
		}
	}
	if err := parts.Close(); err != nil {
		return nil, err
	}
	var eml bytes.Buffer
	for _, header := range [][2]string{
		{"From", m.Field("from")}, {"To", m.Field("to")}, {"Subject", mime.QEncoding.Encode("utf-8", m.Field("subject"))},
		{"Date", m.At.UTC().Format(time.RFC1123Z)}, {"Message-ID", m.Field("h:Message-Id")}, {"MIME-Version", "1.0"},
		{"Content-Type", "multipart/alternative; boundary=" + parts.Boundary()},
	} {
		fmt.Fprintf(&eml, "%s: %s\r\n", header[0], header[1])
	}
	eml.WriteString("\r\n")
	eml.Write(body.Bytes())
	return eml.Bytes(), nil
}

// Save writes each message into the folder as .eml and .html, and returns the paths.
func (s *Server) Save(folder string) ([]string, error) {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return nil, err
	}
	var files []string
	for i, m := range s.Messages() {
		eml, err := m.EML()
		if err != nil {
			return nil, err
		}
		name := fmt.Sprintf("%d-%s", i+1, strings.ToLower(strings.ReplaceAll(m.Field("subject"), " ", "-")))
		for suffix, content := range map[string][]byte{".eml": eml, ".html": []byte(m.Field("html"))} {
			if err := os.WriteFile(filepath.Join(folder, name+suffix), content, 0o644); err != nil {
				return nil, err
			}
		}
		files = append(files, filepath.Join(folder, name+".eml"), filepath.Join(folder, name+".html"))
	}
	return files, nil
}
