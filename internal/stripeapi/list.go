package stripeapi

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"strconv"
	"strings"
	"time"

	"github.com/tollkeeper/tollkeeper/internal/stripejson"
)

// pageSize is the largest page that Stripe returns.
const pageSize = 100

// maxWholePages bounds a list of one object that is read whole: to 10 000 entries. An honest one is far shorter.
const maxWholePages = 100

// Page is a page of a list.
type Page struct {
	// Items are the objects as Stripe sent them.
	Items []json.RawMessage
	// At is a time from which they are known to be current (see Reading.At).
	At time.Time
	// Next is the id of the object after which the next page begins; empty if this is the last page.
	Next string
}

// Events lists the account's events created since the time, the newest first, page by page. Stripe keeps events for 30
// days. An error ends the list. See https://docs.stripe.com/api/events/list.
func (c *Client) Events(ctx context.Context, account string, since time.Time) iter.Seq2[Page, error] {
	return c.list(ctx, listing{
		account: account, resource: "events", priority: background,
		filter: map[string]string{"created[gte]": strconv.FormatInt(since.Unix(), 10)},
	})
}

// AllSubscriptions lists the subscriptions of all customers, including ended ones, the newest first, page by page. It
// begins after the subscription with the id after; empty for the first page. An error ends the list. ErrCursorGone is
// in its chain if Stripe does not know that subscription any more. See https://docs.stripe.com/api/subscriptions/list.
func (c *Client) AllSubscriptions(ctx context.Context, account, after string) iter.Seq2[Page, error] {
	return c.list(ctx, listing{
		account: account, resource: "subscriptions", filter: map[string]string{"status": "all"}, after: after,
		priority: background,
	})
}

// AllCustomers lists all customers as AllSubscriptions does. Stripe does not list deleted ones. See
// https://docs.stripe.com/api/customers/list.
func (c *Client) AllCustomers(ctx context.Context, account, after string) iter.Seq2[Page, error] {
	return c.list(ctx, listing{account: account, resource: "customers", after: after, priority: background})
}

// AllDisputes lists all disputes as AllSubscriptions does, also closed ones: Stripe cannot select by status. The charge
// of each is expanded, since only the charge names the customer. See https://docs.stripe.com/api/disputes/list.
func (c *Client) AllDisputes(ctx context.Context, account, after string) iter.Seq2[Page, error] {
	return c.list(ctx, listing{
		account: account, resource: "disputes", filter: map[string]string{"expand[]": "data.charge"}, after: after,
		priority: background,
	})
}

// Subscriptions reads every subscription of the customer, including ended ones. With Accounts v2, the id may be that of
// an Account. See https://docs.stripe.com/api/subscriptions/list.
func (c *Client) Subscriptions(ctx context.Context, account, customerID string) ([]Reading, error) {
	var readings []Reading
	owner := "customer"
	if strings.HasPrefix(customerID, "acct_") {
		owner = "customer_account"
	}
	for page, err := range c.wholeList(ctx, listing{
		account: account, resource: "subscriptions", filter: map[string]string{owner: customerID, "status": "all"},
	}) {
		if err != nil {
			return nil, fmt.Errorf("list subscriptions of %s from Stripe: %w", customerID, err)
		}
		for _, item := range page.Items {
			parsed, err := c.parseWhole(ctx, account, "subscriptions", item)
			if err != nil {
				return nil, fmt.Errorf("list subscriptions of %s from Stripe: %w", customerID, err)
			}
			readings = append(readings, Reading{Object: parsed, At: page.At})
		}
	}
	return readings, nil
}

// InvoicePayments reads the payments of invoices that the payment intent made: since 2025-03-31 nothing else says which
// invoice it paid. Before, its charge names the invoice, and nothing is read. See
// https://docs.stripe.com/api/invoice-payment/list.
func (c *Client) InvoicePayments(ctx context.Context, account, paymentIntentID string) ([]Reading, error) {
	if !c.hasInvoicePayments() {
		return nil, nil
	}
	var readings []Reading
	for page, err := range c.wholeList(ctx, listing{account: account, resource: "invoice_payments", filter: map[string]string{
		"payment[type]": "payment_intent", "payment[payment_intent]": paymentIntentID,
	}}) {
		if err != nil {
			return nil, fmt.Errorf("list invoice payments of %s from Stripe: %w", paymentIntentID, err)
		}
		for _, item := range page.Items {
			parsed, err := stripejson.Parse(item)
			if err != nil {
				return nil, fmt.Errorf("list invoice payments of %s from Stripe: %w", paymentIntentID, err)
			}
			readings = append(readings, Reading{Object: parsed, At: page.At})
		}
	}
	return readings, nil
}
