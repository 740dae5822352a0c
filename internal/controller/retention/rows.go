package retention

import (
	"context"
	"errors"
	"net/http"
	"time"

	"k8s.io/client-go/rest"

	"github.com/tollkeeper/tollkeeper/internal/controller/rows"
)

// row is what a look at an event shows.
type row struct {
	EventID, Account string
	Created          time.Time
}

// Rows lists settled events. No selector finds old events: their names follow from hashes, and a field selector knows no order. So
// every look lists all of them; the next one finds what a list misses.
type Rows struct{ list *rows.List }

// NewRows makes the list. The HTTP client is the manager's.
func NewRows(config *rest.Config, httpClient *http.Client, namespace string) (*Rows, error) {
	list, err := rows.New(config, httpClient, namespace, rows.Settled, "Event", "Account", "Created-At")
	return &Rows{list: list}, err
}

// Page returns the rows of a page, and how the next one is asked for: empty after the last.
func (r *Rows) Page(ctx context.Context, next string) (page []row, more string, err error) {
	cells, more, err := r.list.Page(ctx, next)
	if err != nil {
		return nil, "", err
	}
	page, err = rowsOf(cells)
	return page, more, err
}

func rowsOf(cells [][]string) ([]row, error) {
	page := make([]row, len(cells))
	for i, c := range cells {
		created, err := time.Parse(time.RFC3339, c[2])
		if err != nil || c[0] == "" {
			return nil, errors.New("a row of a BillingEvent lacks its id or time: install the CRDs of this version")
		}
		page[i] = row{EventID: c[0], Account: c[1], Created: created}
	}
	return page, nil
}
