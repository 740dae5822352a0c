package stripeapi

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/stripe/stripe-go/v76/form"
)

// Permission is a right that the operator's key needs: to read objects of one kind. See
// https://docs.stripe.com/keys/restricted-api-keys.
type Permission struct {
	// Name is Stripe's name of what is read, in its dashboard.
	Name string
	// Without says what is missing without it; empty if the operator does not work right without it.
	Without string
	path    string
}

// Permissions are all that the operator's key needs. docs/install.md lists them.
func Permissions() []Permission {
	return []Permission{
		{Name: "Events", path: "/v1/events"},
		{Name: "Customers", path: "/v1/customers"},
		{Name: "Subscriptions", path: "/v1/subscriptions"},
		{Name: "Checkout Sessions", path: "/v1/checkout/sessions"},
		{Name: "Invoices", path: "/v1/invoices"},
		{Name: "Invoice Payments", path: "/v1/invoice_payments"},
		{Name: "Charges", path: "/v1/charges"},
		{Name: "PaymentIntents", path: "/v1/payment_intents"},
		{Name: "Disputes", path: "/v1/disputes"},
		{Name: "Products", path: "/v1/products", Without: "entitlements from the metadata of products"},
		{Name: "Entitlements", path: "/v1/entitlements/features", Without: "features beyond the first ten of a customer"},
		{Name: "Webhook Endpoints", path: "/v1/webhook_endpoints", Without: "the check of the webhook endpoint"},
	}
}

// MayRead asks Stripe for one object of the kind. It returns the time by Stripe's clock (see Reading.At). If the key lacks the
// permission, the error is one of LacksPermission.
func (c *Client) MayRead(ctx context.Context, p Permission) (time.Time, error) {
	query := &form.Values{}
	query.Add("limit", "1")
	var answer page
	at, err := c.call(ctx, foreground, "", "permissions", p.path, query, &answer)
	if err != nil {
		return time.Time{}, fmt.Errorf("read %s from Stripe: %w", p.Name, err)
	}
	return at, nil
}

// LacksPermission reports whether an error says that a restricted key lacks a permission, and Stripe's name of it, such as
// rak_customer_read; empty if Stripe does not name it.
func LacksPermission(err error) (name string, lacks bool) {
	refusal, lacks := errors.AsType[*refusalError](err)
	if !lacks {
		return "", false
	}
	return refusal.permission, true
}

// permissionForm finds the name of a permission in Stripe's message: "Having the 'rak_customer_read' permission would allow
// this request to continue." Nothing else of the message is kept: it quotes the key.
var permissionForm = regexp.MustCompile(`'(rak_[a-z0-9_]{1,64})'`)

func permissionIn(message string) string {
	if found := permissionForm.FindStringSubmatch(message); found != nil {
		return found[1]
	}
	return ""
}
