package retention

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes/scheme"
	"k8s.io/client-go/rest"

	"github.com/tollkeeper/tollkeeper/api/v1alpha1"
	"github.com/tollkeeper/tollkeeper/internal/controller/paging"
)

// rowsPage is how many rows are listed at a time.
const rowsPage = 500

// row is what a look at an event shows.
type row struct {
	EventID, Account string
	Created          time.Time
}

// Rows lists settled events as the rows of a table, which take a tenth of the events themselves. No selector finds old events: their
// names follow from hashes, and a field selector knows no order. So every look lists all of them.
type Rows struct {
	client    rest.Interface
	namespace string
}

// NewRows makes the list. The HTTP client is the manager's.
func NewRows(config *rest.Config, httpClient *http.Client, namespace string) (*Rows, error) {
	config = rest.CopyConfig(config)
	config.GroupVersion, config.APIPath = &v1alpha1.GroupVersion, "/apis"
	config.NegotiatedSerializer = scheme.Codecs.WithoutConversion()
	c, err := rest.RESTClientForConfigAndClient(config, httpClient)
	if err != nil {
		return nil, fmt.Errorf("make the client of tables: %w", err)
	}
	return &Rows{client: c, namespace: namespace}, nil
}

// Page returns the rows of a page, and how the next one is asked for: empty after the last.
func (r *Rows) Page(ctx context.Context, next string) (rows []row, more string, err error) {
	request := r.client.Get().Namespace(r.namespace).Resource("billingevents").
		SetHeader("Accept", "application/json;as=Table;v=v1;g=meta.k8s.io").
		Param("includeObject", string(metav1.IncludeNone)).Param("limit", strconv.Itoa(rowsPage)).
		Param("fieldSelector", v1alpha1.FieldOutcome+"!=,"+v1alpha1.FieldOutcome+"!="+string(v1alpha1.OutcomeFailed))
	if next != "" {
		request = request.Param("continue", next)
	}
	body, err := request.Do(ctx).Raw()
	if err != nil {
		if again := paging.ContinueAnew(err); again != "" { // the next look finds what is missing
			return nil, again, nil
		}
		return nil, "", fmt.Errorf("list the settled BillingEvents: %w", err)
	}
	var table metav1.Table
	if err := json.Unmarshal(body, &table); err != nil {
		return nil, "", fmt.Errorf("list the settled BillingEvents: read the table: %w", err)
	}
	rows, err = rowsOf(&table)
	return rows, table.Continue, err
}

// rowsOf reads the table's rows. The columns are those of the CRD: one of another version may lack them.
func rowsOf(table *metav1.Table) ([]row, error) {
	columns := map[string]int{}
	for _, name := range []string{"Event", "Account", "Created-At"} {
		at := slices.IndexFunc(table.ColumnDefinitions, func(c metav1.TableColumnDefinition) bool { return c.Name == name })
		if at < 0 && len(table.Rows) > 0 {
			return nil, fmt.Errorf("the CRD of BillingEvents has no column %s: install the CRDs of this version", name)
		}
		columns[name] = at
	}
	rows := make([]row, 0, len(table.Rows))
	for _, cells := range table.Rows {
		text := func(column string) string {
			value, _ := cells.Cells[columns[column]].(string)
			return value
		}
		created, err := time.Parse(time.RFC3339, text("Created-At"))
		if err != nil || text("Event") == "" {
			return nil, errors.New("a row of a BillingEvent lacks its id or time: install the CRDs of this version")
		}
		rows = append(rows, row{EventID: text("Event"), Account: text("Account"), Created: created})
	}
	return rows, nil
}
