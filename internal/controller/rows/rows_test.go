package rows

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func table(columns []string, rows ...[]any) *metav1.Table {
	made := &metav1.Table{}
	for _, name := range columns {
		made.ColumnDefinitions = append(made.ColumnDefinitions, metav1.TableColumnDefinition{Name: name})
	}
	for _, cells := range rows {
		made.Rows = append(made.Rows, metav1.TableRow{Cells: cells})
	}
	return made
}

func TestCellsOf(t *testing.T) {
	columns := []string{"Name", "Event", "Account"}
	rows, err := cellsOf(table(columns, []any{"evt-1", "evt_1", "acct_1"}, []any{"evt-2", "evt_2", nil}), []string{"Account", "Event"})
	if diff := cmp.Diff([][]string{{"acct_1", "evt_1"}, {"", "evt_2"}}, rows); diff != "" || err != nil {
		t.Errorf("%v, (-want +got):\n%s", err, diff)
	}
	if rows, err := cellsOf(table(nil), []string{"Account"}); err != nil || len(rows) > 0 {
		t.Errorf("an empty table: %v, %v", rows, err)
	}
	if _, err := cellsOf(table(columns[:2], []any{"evt-1", "evt_1"}), []string{"Account"}); err == nil {
		t.Error("no error without the column")
	}
}
