// Package stripetest is a stand-in for Stripe. It creates objects in the shapes of old and new API versions, wraps them
// in events, signs these and posts them to a webhook endpoint. World is a model of an account, and API serves it over
// Stripe's REST API.
package stripetest

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"maps"
	"net/http"
	"strings"
	"time"
)

// Object is a Stripe object in its JSON form.
type Object map[string]any

// With returns a copy of the object with one field replaced.
func (o Object) With(key string, value any) Object {
	copied := maps.Clone(o)
	copied[key] = value
	return copied
}

// ID returns the object's id.
func (o Object) ID() string { id, _ := o["id"].(string); return id }

// Shape is the API version in whose form an endpoint receives its payloads.
type Shape string

const (
	// Old has the periods on the subscription, and invoice.subscription.
	Old Shape = "2023-10-16"
	// New ("basil" and later) has the periods on the items, and invoice.parent.
	New Shape = "2025-03-31.basil"
)

// Event is the content of an event.
type Event struct {
	ID       string
	Type     string
	Created  time.Time
	Shape    Shape
	Object   Object
	Previous Object
	Livemode bool
	Account  string
}

// JSON returns the event in the form in which Stripe posts it.
func (e Event) JSON() []byte {
	data := Object{"object": e.Object}
	if e.Previous != nil {
		data["previous_attributes"] = e.Previous
	}
	event := Object{
		"id": e.ID, "object": "event", "type": e.Type, "created": e.Created.Unix(), "api_version": string(e.Shape),
		"livemode": e.Livemode, "pending_webhooks": 1, "request": Object{"id": nil, "idempotency_key": nil}, "data": data,
	}
	if e.Account != "" {
		event["account"] = e.Account
	}
	return marshal(event)
}

// Sign returns the Stripe-Signature header for a body that is sent at the time, signed with one or more secrets.
// See https://docs.stripe.com/webhooks#verify-manually.
func Sign(body []byte, at time.Time, secrets ...string) string {
	var header strings.Builder
	fmt.Fprintf(&header, "t=%d", at.Unix())
	for _, secret := range secrets {
		mac := hmac.New(sha256.New, []byte(secret))
		fmt.Fprintf(mac, "%d.", at.Unix())
		mac.Write(body)
		header.WriteString(",v1=" + hex.EncodeToString(mac.Sum(nil)))
	}
	return header.String()
}

// Endpoint is a webhook endpoint and its signing secret.
type Endpoint struct {
	URL    string
	Secret string
}

// Post sends the event and returns the status code of the answer.
func (p Endpoint) Post(ctx context.Context, e Event) (int, error) {
	body := e.JSON()
	return p.PostSigned(ctx, body, Sign(body, time.Now(), p.Secret))
}

// PostSigned sends a body with the given signature header and returns the status code of the answer.
func (p Endpoint) PostSigned(ctx context.Context, body []byte, signature string) (int, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL, bytes.NewReader(body))
	if err != nil {
		return 0, err
	}
	request.Header.Set("Content-Type", "application/json; charset=utf-8")
	request.Header.Set("User-Agent", "Stripe/1.0 (+https://stripe.com/docs/webhooks)")
	request.Header.Set("Stripe-Signature", signature)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, err
	}
	defer func() { _ = response.Body.Close() }()
	_, err = io.Copy(io.Discard, response.Body)
	return response.StatusCode, err
}

// As returns the event with another id.
func (e Event) As(id string) Event {
	e.ID = id
	return e
}
