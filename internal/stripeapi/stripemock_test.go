package stripeapi_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/tollkeeper/tollkeeper/internal/stripeapi"
)

// mockVersion is the API version of the OpenAPI description that stripe-mock is built from (hack/tools/stripe-mock).
const mockVersion = "2026-08-26.dahlia"

// stripeMock starts stripe-mock, which Stripe builds from its OpenAPI description, and returns its URL. It knows the paths and
// parameters of Stripe's API, and refuses others. It leaves out what cannot
// be expanded, and knows no v2 paths.
func stripeMock(t *testing.T, args ...string) *url.URL {
	t.Helper()
	binary := os.Getenv("STRIPE_MOCK")
	if binary == "" { // without make
		binary = filepath.Join(t.TempDir(), "stripe-mock")
		build := exec.CommandContext(t.Context(), "go", "build", "-C", "../../hack/tools/stripe-mock", "-o", binary, "tool")
		if output, err := build.CombinedOutput(); err != nil {
			t.Fatalf("build stripe-mock: %v\n%s", err, output)
		}
	}
	mock := exec.CommandContext(t.Context(), binary, append(args, "-http-addr", "127.0.0.1:0")...)
	stdout, err := mock.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := mock.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = mock.Process.Kill()
		_ = mock.Wait()
	})
	address := regexp.MustCompile(`Listening for HTTP at address: (\S+)`)
	for lines := bufio.NewScanner(stdout); lines.Scan(); {
		if found := address.FindStringSubmatch(lines.Text()); found != nil {
			go func() { _, _ = io.Copy(io.Discard, stdout) }()
			return &url.URL{Scheme: "http", Host: found[1]}
		}
	}
	t.Fatal("stripe-mock does not say where it listens")
	return nil
}

// goOn has each list within the fields of an object say that it goes on.
func goOn(value any) {
	switch value := value.(type) {
	case []any:
		for _, element := range value {
			goOn(element)
		}
	case map[string]any:
		for _, field := range value {
			if list, isObject := field.(map[string]any); isObject && list["object"] == "list" {
				list["has_more"] = true
			}
			goOn(field)
		}
	}
}

// longLists passes requests on to stripe-mock, notes them, and has each object say that a list in it goes on.
type longLists struct {
	mutex sync.Mutex
	seen  []string
}

func (l *longLists) start(t *testing.T, mock *url.URL) string {
	proxy := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) {
			r.SetURL(mock)
			r.Out.Header.Del("Accept-Encoding")
		},
		ModifyResponse: func(r *http.Response) error {
			l.mutex.Lock()
			defer l.mutex.Unlock()
			l.seen = append(l.seen, r.Request.URL.Path)
			var body map[string]any
			if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
				return err
			}
			goOn(body)
			text, err := json.Marshal(body)
			r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(text)), int64(len(text))
			r.Header.Set("Content-Length", strconv.Itoa(len(text)))
			return err
		},
	}
	server := httptest.NewServer(proxy)
	t.Cleanup(server.Close)
	return server.URL
}

func last(pages iter.Seq2[stripeapi.Page, error]) (err error) {
	for _, err = range pages {
		if err != nil {
			return err
		}
	}
	return nil
}

func get(read func(ctx context.Context, account, id string) (stripeapi.Reading, error), id string) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		_, err := read(ctx, "", id)
		return err
	}
}

func listed(read func(ctx context.Context, account, id string) ([]stripeapi.Reading, error), id string) func(ctx context.Context) error {
	return func(ctx context.Context) error {
		_, err := read(ctx, "", id)
		return err
	}
}

func paged(read func(ctx context.Context, account, after string) iter.Seq2[stripeapi.Page, error]) func(ctx context.Context) error {
	return func(ctx context.Context) error { return last(read(ctx, "", "obj_before")) }
}

// What Stripe's own description of its API knows is all that the client asks for. Each method of the client is called, and the
// API version reaches Stripe.
func TestStripesDescriptionKnowsEveryRequest(t *testing.T) {
	mock := stripeMock(t, "-strict-version-check")
	t.Run("requests", func(t *testing.T) { checkRequests(t, mock) })
	got := map[string]string{}
	for _, version := range []string{mockVersion, "2023-10-16", ""} {
		_, err := stripeapi.New(key, mock.String(), version).Customer(t.Context(), "", "cus_1")
		got[version] = "known"
		if err != nil {
			got[version], _, _ = strings.Cut(err.Error(), ",")
		}
	}
	refused := "get customers cus_1 from Stripe: stripe does not accept the request: parameter \"\""
	if diff := cmp.Diff(map[string]string{mockVersion: "known", "2023-10-16": refused, "": refused}, got); diff != "" {
		t.Errorf("versions (-want +got):\n%s", diff)
	}
}

// unchecked are methods that send nothing, and those of API v2, which stripe-mock does not know.
var unchecked = []string{"LogTo", "KeyChanged", "ProbeAfter", "LimitRate", "Refused", "ThinEvent", "EventDestinations"}

// webhookEndpoint has every field that is sent.
var webhookEndpoint = stripeapi.WebhookEndpoint{
	ID: "we_1", URL: "https://billing.example.com/webhooks/stripe", EnabledEvents: []string{"invoice.paid"}, APIVersion: mockVersion,
	Status: "enabled", Description: "Tollkeeper", Metadata: map[string]string{"managed_by": "tollkeeper"},
}

func checkRequests(t *testing.T, mock *url.URL) {
	lists := &longLists{}
	client := stripeapi.New(key, lists.start(t, mock), mockVersion)
	calls := map[string]func(ctx context.Context) error{
		"Customer":         get(client.Customer, "cus_1"),
		"Subscription":     get(client.Subscription, "sub_1"),
		"CheckoutSession":  get(client.CheckoutSession, "cs_1"),
		"Purchase":         get(client.Purchase, "cs_2"),
		"Charge":           get(client.Charge, "ch_1"),
		"Invoice":          get(client.Invoice, "in_1"),
		"PaymentIntent":    get(client.PaymentIntent, "pi_1"),
		"Dispute":          get(client.Dispute, "dp_1"),
		"Product":          get(client.Product, "prod_1"),
		"Subscriptions":    listed(client.Subscriptions, "acct_1"),
		"InvoicePayments":  listed(client.InvoicePayments, "pi_1"),
		"AllSubscriptions": paged(client.AllSubscriptions),
		"AllCustomers":     paged(client.AllCustomers),
		"AllDisputes":      paged(client.AllDisputes),
		"Events":           func(ctx context.Context) error { return last(client.Events(ctx, "", begin)) },

		"AccountOf":                func(ctx context.Context) error { _, err := client.AccountOf(ctx, key); return err },
		"ActiveEntitlements":       get(client.ActiveEntitlements, "cus_1"),
		"ImportActiveEntitlements": get(client.ImportActiveEntitlements, "cus_1"),
		"UsesEntitlements":         func(ctx context.Context) error { _, err := client.UsesEntitlements(ctx, ""); return err },
		"Event":                    func(ctx context.Context) error { _, err := client.Event(ctx, "", "evt_1"); return err },
		"Object": func(ctx context.Context) (err error) {
			for kind := range stripeapi.Readable {
				_, _, failed := client.Object(ctx, "", kind, "obj_1")
				err = errors.Join(err, failed)
			}
			return err
		},
		"MayRead": func(ctx context.Context) (err error) {
			for _, permission := range stripeapi.Permissions() {
				_, failed := client.MayRead(ctx, permission)
				err = errors.Join(err, failed)
			}
			return err
		},
		"WebhookEndpoints": func(ctx context.Context) error { _, err := client.WebhookEndpoints(ctx); return err },
		"CreateWebhookEndpoint": func(ctx context.Context) error {
			_, err := client.CreateWebhookEndpoint(ctx, webhookEndpoint, true)
			return err
		},
		"UpdateWebhookEndpoint": func(ctx context.Context) error {
			_, err := client.UpdateWebhookEndpoint(ctx, webhookEndpoint)
			return err
		},
	}
	for method := range reflect.TypeOf(client).Methods() {
		name := method.Name
		if slices.Contains(unchecked, name) {
			continue
		}
		if calls[name] == nil {
			t.Errorf("no request of %s is checked: add it", name)
		} else if err := calls[name](t.Context()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	for _, path := range []string{"/v1/subscription_items", "/v1/invoices/in_1/lines", "/v1/checkout/sessions/cs_2/line_items"} {
		if !slices.Contains(lists.seen, path) {
			t.Errorf("the rest of a list was not asked for at %s; requests: %v", path, lists.seen)
		}
	}
	invoice, err := client.Invoice(t.Context(), "", "in_1")
	if err != nil || len(invoice.Object.List("payments.data")) == 0 {
		t.Errorf("the payments of an invoice cannot be expanded: %v", err)
	}
	for i, line := range invoice.Object.List("lines.data") {
		if line.Object("pricing.price_details.price").ID("id") == "" {
			t.Errorf("the price of line %d of an invoice cannot be expanded", i)
		}
	}
}
