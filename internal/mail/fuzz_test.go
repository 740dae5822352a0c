package mail

import (
	"net/mail"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"
)

// FuzzRecipient: an accepted address is a single address for every parser, and adds nothing else to a header.
func FuzzRecipient(f *testing.F) {
	for _, address := range []string{
		"ada@example.com", "Ada <ada@example.com>", "a@example.com, b@example.com", "ada@example.com\r\nBcc: eve@example.com", "\"a b\"@example.com",
		"ada@[127.0.0.1]", "group: a@example.com;", "ada@exämple.com", "%recipient%@example.com", "ada(comment)@example.com", "=?utf-8?q?ada?=@example.com",
	} {
		f.Add(address, "Ada")
		f.Add("ada@example.com", address)
	}
	f.Fuzz(func(t *testing.T, address, name string) {
		to, err := Recipient(address, name)
		if err != nil {
			return
		}
		if !isOneLine(to.Name) || !isOneLine(to.Address) || strings.Contains(to.Name+to.Address, "%") {
			t.Errorf("Recipient(%q, %q) = %q", address, name, to)
		}
		again, err := mail.ParseAddressList(to.String())
		if err != nil || len(again) != 1 || again[0].Address != to.Address {
			t.Errorf("Recipient(%q, %q) is written %q, which is read as %v: %v", address, name, to.String(), again, err)
		}
	})
}

// FuzzRender: no name changes the structure of the message. A name is always text.
func FuzzRender(f *testing.F) {
	for _, name := range []string{"Ada", "<script>alert(1)</script>", `"><img src=x>`, "{{.ResetURL}}", "%recipient%", "a\r\nBcc: b", "\u202e", "--> <!--"} {
		f.Add(name)
	}
	templates, err := LoadTemplates("")
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, name string) {
		for _, purpose := range purposes {
			data := Data{AppName: "Example", Name: Name(name), ResetURL: link, ValidFor: "1 day"}
			subject, text, html, err := templates.Render(purpose, data)
			if err != nil {
				t.Fatal(err)
			}
			if data.Name == "" {
				return // the greeting differs without a name
			}
			data.Name = "Ada"
			_, plainText, plainHTML, err := templates.Render(purpose, data)
			if err != nil {
				t.Fatal(err)
			}
			for _, mark := range []string{"<", ">", `"`, "'", "%recipient"} {
				if strings.Count(html, mark) != strings.Count(plainHTML, mark) {
					t.Errorf("%q changes the HTML of %s", name, purpose)
				}
			}
			if strings.Count(text, "\n") != strings.Count(plainText, "\n") || !isOneLine(subject) {
				t.Errorf("%q changes the lines of %s", name, purpose)
			}
		}
	})
}

func isOneLine(text string) bool {
	return utf8.ValidString(text) && !strings.ContainsFunc(text, func(r rune) bool {
		return unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) || r == '\u2028' || r == '\u2029'
	})
}
