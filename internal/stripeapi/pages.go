package stripeapi

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"iter"
	"strconv"

	"github.com/stripe/stripe-go/v76"
	"github.com/stripe/stripe-go/v76/form"
)

// listing is which list to read, and from where on.
type listing struct {
	account  string
	resource string // what the metric counts it as
	path     string // empty for that of the resource
	filter   map[string]string
	after    string // the id of the object after which the list begins; empty for the first page
	priority priority
}

// page is a page in Stripe's JSON. See https://docs.stripe.com/api/pagination.
type page struct {
	stripe.APIResource
	Data    []json.RawMessage `json:"data"`
	HasMore *bool             `json:"has_more"`
}

func (l listing) query() *form.Values {
	query := &form.Values{}
	for name, value := range l.filter {
		query.Add(name, value)
	}
	query.Add("limit", strconv.Itoa(pageSize))
	if l.after != "" {
		query.Add("starting_after", l.after)
	}
	return query
}

// list yields the pages of a list. It stops after the first error.
func (c *Client) list(ctx context.Context, l listing) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		l := l // each iteration begins anew
		for {
			var answer page
			at, err := c.call(ctx, l.priority, l.account, l.resource, cmp.Or(l.path, "/v1/"+l.resource), l.query(), &answer)
			next := ""
			if err == nil {
				next, err = answer.nextCursor(l.after)
			}
			if err != nil {
				yield(Page{}, err)
				return
			}
			if !yield(Page{Items: answer.Data, At: at, Next: next}, nil) || next == "" {
				return
			}
			l.after = next
		}
	}
}

// wholeList yields the pages of a list that is kept in memory.
func (c *Client) wholeList(ctx context.Context, l listing) iter.Seq2[Page, error] {
	return upTo(maxWholePages, c.list(ctx, l))
}

// upTo yields a list of at most so many pages, and an error in place of the last one if the list goes on.
func upTo(limit int, pages iter.Seq2[Page, error]) iter.Seq2[Page, error] {
	return func(yield func(Page, error) bool) {
		n := 0
		for page, err := range pages {
			if n++; err == nil && n == limit && page.Next != "" {
				yield(Page{}, ErrTooLong)
				return
			}
			if !yield(page, err) {
				return
			}
		}
	}
}

// nextCursor is the id after which the next page begins; empty if this is the last page. after is the one after which
// this page begins.
func (p *page) nextCursor(after string) (string, error) {
	switch {
	case p.HasMore == nil:
		return "", errors.New("stripe's response is not a list")
	case !*p.HasMore:
		return "", nil
	case len(p.Data) == 0:
		return "", errors.New("stripe's list says that it continues, but the page is empty")
	}
	var last struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(p.Data[len(p.Data)-1], &last); err != nil || last.ID == "" {
		return "", errors.New("stripe's list holds an object without an id")
	}
	if last.ID == after {
		return "", errors.New("stripe's list repeats a page")
	}
	return last.ID, nil
}
