package mail

import (
	"errors"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/internal/testutil/mailguntest"
)

func TestCheck(t *testing.T) {
	for name, tc := range map[string]struct {
		domain, key string
		prepare     func(*mailguntest.Server)
		want        Check
		err         error
	}{
		"active":            {mailguntest.Domain, mailguntest.Key, func(*mailguntest.Server) {}, Check{MayReadLog: true, State: "active"}, nil},
		"unverified":        {mailguntest.Domain, mailguntest.Key, func(s *mailguntest.Server) { s.SetState("unverified") }, Check{MayReadLog: true, State: "unverified"}, nil},
		"a wrong key":       {mailguntest.Domain, "key-wrong", func(*mailguntest.Server) {}, Check{}, nil},
		"may only send":     {mailguntest.Domain, mailguntest.Key, func(s *mailguntest.Server) { s.RefuseLog(http.StatusUnauthorized) }, Check{}, nil},
		"an unknown log":    {mailguntest.Domain, mailguntest.Key, func(s *mailguntest.Server) { s.RefuseLog(http.StatusNotFound) }, Check{}, ErrDomainUnknown},
		"another domain":    {"mg.other.example", mailguntest.Key, func(*mailguntest.Server) {}, Check{}, ErrDomainUnknown},
		"Mailgun is broken": {mailguntest.Domain, mailguntest.Key, func(s *mailguntest.Server) { s.RefuseLog(http.StatusInternalServerError) }, Check{}, errSome},
	} {
		t.Run(name, func(t *testing.T) {
			server := mailguntest.New()
			defer server.Close()
			tc.prepare(server)
			got, err := newMailgun(tc.domain, tc.key, "hello@example.com", server.APIBase()).Check(t.Context())
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if isRight := errors.Is(err, tc.err) || errors.Is(tc.err, errSome) && err != nil; !isRight {
				t.Errorf("the error is %v, want %v", err, tc.err)
			}
			if server.Sends() > 0 {
				t.Error("a message is sent")
			}
		})
	}
}

// errSome stands for any error.
var errSome = errors.New("some error")
