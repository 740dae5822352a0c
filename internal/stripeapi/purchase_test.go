package stripeapi_test

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// A session with more lines than Stripe returns at once has all of them.
func TestAPurchaseHasAllItsLines(t *testing.T) {
	const line = `{"id": "li_%d", "object": "item", "price": {"id": "price_%d"}}`
	var paths []string
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		paths = append(paths, r.URL.RequestURI())
		if strings.HasSuffix(r.URL.Path, "/line_items") {
			_, _ = fmt.Fprintf(w, `{"object": "list", "data": [`+line+`, `+line+`], "has_more": false}`, 1, 1, 2, 2)
			return
		}
		_, _ = fmt.Fprintf(w, `{"id": "cs_1", "object": "checkout.session", "mode": "payment", "line_items": {"object": "list", "data": [`+line+`], "has_more": true}}`, 1, 1)
	}))
	t.Cleanup(server.Close)
	read, err := stripeapi.New(key, server.URL, "").Purchase(t.Context(), "", "cs_1")
	if err != nil {
		t.Fatal(err)
	}
	lines := read.Object.List("line_items.data")
	if len(lines) != 2 || lines[1].ID("price") != "price_2" || read.Object.Word("mode") != "payment" {
		t.Errorf("%d lines of a session of the mode %q after %v", len(lines), read.Object.Word("mode"), paths)
	}
	if len(paths) != 2 || paths[0] != "/v1/checkout/sessions/cs_1?expand[]=line_items" || paths[1] != "/v1/checkout/sessions/cs_1/line_items?limit=100" {
		t.Errorf("requests: %v", paths)
	}
}
