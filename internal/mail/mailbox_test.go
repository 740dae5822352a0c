package mail

import "testing"

func TestMailbox(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"as it is":                {"ada@example.com", "ada@example.com"},
		"upper case and blanks":   {" Ada@Example.COM ", "ada@example.com"},
		"a tag":                   {"ada+a+b@example.com", "ada@example.com"},
		"a tag alone":             {"+a@example.com", "+a@example.com"},
		"a root domain":           {"ada@example.com.", "ada@example.com"},
		"dots elsewhere":          {"ada.lovelace@example.com", "ada.lovelace@example.com"},
		"dots at Gmail":           {"a.d.a+x@Gmail.com", "ada@gmail.com"},
		"Gmail's other domain":    {"ada@googlemail.com", "ada@gmail.com"},
		"a quoted local part":     {`"a@b"@example.com`, `"a@b"@example.com`},
		"no address":              {"Ada", "ada"},
		"another mailbox's start": {"adam@example.com", "adam@example.com"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := Mailbox(tc.in); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
}
