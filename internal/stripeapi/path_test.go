package stripeapi_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// API v2 takes the path to an account, and API v1 its id. A refusal is of the account, whichever way it was named.
func TestRefusedByItsPath(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write([]byte(`{"error": {"code": "account_invalid", "message": "does not have access to account"}}`))
	}))
	t.Cleanup(server.Close)
	client := stripeapi.New(key, server.URL, "")
	_, byPath := client.ThinEvent(t.Context(), "acct_org/acct_1", "evt_1")
	_, byID := client.Event(t.Context(), "acct_1", "evt_1")
	for _, err := range []error{byPath, byID} {
		if refusal, isRefusal := errors.AsType[*stripeapi.RefusalError](err); !isRefusal || refusal.Account != "acct_1" {
			t.Errorf("the error is %v, want a refusal of acct_1", err)
		}
	}
	if _, accounts := client.Refused(); asked != 1 || accounts != 1 {
		t.Errorf("%d requests, %d accounts are refused; want 1 and 1", asked, accounts)
	}
}
