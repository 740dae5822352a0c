package mail

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"strings"
	"testing"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/testutil/mailguntest"
)

var letter = Message{
	ID: "id-1@mg.example.com", To: mail.Address{Name: "Ada Lovelace", Address: "ada@example.com"}, Subject: "Hello", Text: "text", HTML: "<p>html</p>",
}

// newMailgun uses settings that do not change.
func newMailgun(domain, key, from, base string) *Mailgun {
	return NewMailgun(func() Settings { return Settings{Domain: domain, Key: key, From: from, Base: base} })
}

func TestSend(t *testing.T) {
	type kind string
	const accepted, rejected, notAccepted, unknown kind = "accepted", "rejected", "not accepted", "unknown"
	for name, tc := range map[string]struct {
		fault mailguntest.Fault
		key   string
		want  kind
	}{
		"accepted":            {nil, "", accepted},
		"a bad request":       {mailguntest.Refuse(400), "", rejected},
		"too large":           {mailguntest.Refuse(413), "", rejected},
		"a wrong key":         {nil, "other", notAccepted},
		"a forbidden domain":  {mailguntest.Refuse(403), "", notAccepted},
		"too many requests":   {mailguntest.Refuse(429), "", notAccepted},
		"a failure":           {mailguntest.Refuse(500), "", unknown},
		"a proxy's failure":   {mailguntest.Refuse(502), "", unknown},
		"the connection lost": {mailguntest.Drop, "", unknown},
		"the answer lost":     {mailguntest.AcceptAndDrop, "", unknown},
		"no answer":           {mailguntest.Hang, "", unknown},
	} {
		t.Run(name, func(t *testing.T) {
			server := mailguntest.New()
			defer server.Close()
			if tc.fault != nil {
				server.Fail(tc.fault)
			}
			key := mailguntest.Key
			if tc.key != "" {
				key = tc.key
			}
			ctx, cancel := context.WithTimeout(t.Context(), time.Second)
			defer cancel()
			id, err := newMailgun(mailguntest.Domain, key, "us@example.com", server.APIBase()).Send(ctx, letter)
			got := accepted
			var refusal *RejectedError
			var later *NotAcceptedError
			switch {
			case errors.As(err, &refusal):
				got = rejected
			case errors.As(err, &later):
				got = notAccepted
			case err != nil:
				got = unknown
			}
			if got != tc.want || got == accepted && id == "" {
				t.Errorf("it is %s, id %q, %v; want %s", got, id, err, tc.want)
			}
			if err != nil && (strings.Contains(err.Error(), "Ada") || strings.Contains(err.Error(), "ada@")) {
				t.Errorf("the error holds the recipient: %v", err)
			}
		})
	}
	_, err := newMailgun(mailguntest.Domain, "k", "us@example.com", "http://127.0.0.1:1/v3").Send(t.Context(), letter)
	if _, ok := errors.AsType[*NotAcceptedError](err); !ok {
		t.Errorf("a Mailgun that cannot be reached: %v, want a NotAcceptedError", err)
	}
}

// A redirect would lead the API key and the message to another host.
func TestMailgunsRedirectsAreNotFollowed(t *testing.T) {
	for _, code := range []int{301, 302, 303, 307, 308} {
		asked := 0
		elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
		defer elsewhere.Close()
		server := httptest.NewServer(http.RedirectHandler(elsewhere.URL+"/v3/mg.example.com/messages", code))
		defer server.Close()
		client := newMailgun(mailguntest.Domain, mailguntest.Key, "us@example.com", server.URL+"/v3")
		want := fmt.Sprintf("it answered with a redirect (%d), which is not followed, because the API key would go there: check MAILGUN_API_BASE", code)
		_, err := client.Send(t.Context(), letter)
		if later, ok := errors.AsType[*NotAcceptedError](err); !ok || later.Reason != want {
			t.Errorf("%d: a message ends with %v, want not accepted, %s", code, err, want)
		}
		if _, err := client.Find(t.Context(), letter.ID, time.Now()); err == nil || !strings.HasSuffix(err.Error(), want) {
			t.Errorf("%d: a search ends with %v, want %s", code, err, want)
		}
		if asked > 0 {
			t.Errorf("%d: the other host was asked %d times", code, asked)
		}
	}
}

func isLogRefused(err error) bool {
	_, is := errors.AsType[*LogRefusedError](err)
	return is
}

func TestFind(t *testing.T) {
	server := mailguntest.New()
	defer server.Close()
	client := newMailgun(mailguntest.Domain, mailguntest.Key, "us@example.com", server.APIBase())
	find := func() bool {
		found, err := client.Find(t.Context(), letter.ID, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	if find() {
		t.Error("a message is found before it is sent")
	}
	if _, err := client.Send(t.Context(), letter); err != nil {
		t.Fatal(err)
	}
	if !find() {
		t.Error("a message that was sent is not found")
	}
	if found, err := client.Find(t.Context(), letter.ID, time.Now().Add(30*time.Minute)); err != nil || !found {
		t.Errorf("with a clock half an hour ahead of Mailgun's it is found: %t %v", found, err)
	}
	if _, err := newMailgun(mailguntest.Domain, "other", "us@example.com", server.APIBase()).Find(t.Context(), letter.ID, time.Now()); !isLogRefused(err) {
		t.Errorf("a log that the key may not read: %v, want a LogRefusedError", err)
	}
	server.RefuseLog(http.StatusInternalServerError)
	if _, err := client.Find(t.Context(), letter.ID, time.Now()); err == nil || isLogRefused(err) {
		t.Errorf("a log that is unavailable: %v, want another error", err)
	}
	m := server.Messages()[0]
	for field, want := range map[string]string{
		"from": "us@example.com", "to": `"Ada Lovelace" <ada@example.com>`, "subject": "Hello", "text": "text", "html": "<p>html</p>",
		"h:Message-Id": "<id-1@mg.example.com>", "o:tracking": "no", "o:tracking-clicks": "no", "o:tracking-opens": "no", "o:require-tls": "true",
	} {
		if got := m.Field(field); got != want || len(m.Fields[field]) != 1 {
			t.Errorf("%s is %q, want %q", field, m.Fields[field], want)
		}
	}
}
