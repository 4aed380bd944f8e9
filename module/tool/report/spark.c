/* SPDX-License-Identifier: Apache-2.0 */
/* Groups on the page: how many are locked out as a bar, and how often they were refused day by day as a line. */
#include "tool/report/spark.h"

#include <inttypes.h>

#include "base/clock.h"
#include "tool/tool.h"

#define ROWS_MAX 12
#define WIDTH 180
#define HEIGHT 30

/* The latest days, up to the last one of the whole report, so that lines below one another have the same days. */
static void put_line(const struct report_days *days, int64_t last_day, FILE *to)
{
    int64_t first_day = last_day - REPORT_GROUP_DAYS_MAX + 1;
    uint64_t most = 1;
    size_t first = 0;

    while (first < days->count && days->items[first].day < first_day) {
        first++;
    }
    if (first < days->count) {
        int64_t begins = days->items[0].day > first_day ? days->items[0].day : first_day;

        first_day = last_day - begins < 13 ? last_day - 13 : begins; /* few days do not become a wide step */
    }
    for (size_t i = first; i < days->count; i++) {
        most = days->items[i].refused > most ? days->items[i].refused : most;
    }
    fprintf(to,
            "<svg class=\"spark\" viewBox=\"-2 -2 %d %d\" role=\"img\" aria-label=\"refusals a day, at most %" PRIu64
            "\"><title>refusals a day, at most %" PRIu64 "</title><path d=\"",
            WIDTH + 4, HEIGHT + 4, most, most);
    for (int64_t day = first_day; day <= last_day; day++) {
        uint64_t refused = 0;

        while (first < days->count && days->items[first].day < day) {
            first++;
        }
        if (first < days->count && days->items[first].day == day) {
            refused = days->items[first].refused;
        }
        fprintf(to, "%c%.1f %.1f", day == first_day ? 'M' : 'L',
                (double)(day - first_day) * WIDTH / (double)(last_day - first_day),
                HEIGHT - (double)refused * HEIGHT / (double)most);
    }
    fputs("\"/></svg>", to);
}

static bool is_shown(const struct report_group *group)
{
    return group->certificates > 0 || group->period > 0;
}

void report_put_groups(const char *title, const struct report_groups *groups, int64_t last_day, FILE *to)
{
    uint64_t most = 1;
    size_t count = 0, left = 0;

    for (size_t i = 0; i < groups->count; i++) {
        most = groups->items[i]->certificates > most ? groups->items[i]->certificates : most;
        count += is_shown(groups->items[i]);
    }
    if (count == 0) {
        return;
    }
    fprintf(to, "<h2>%s</h2>\n<p class=\"soft\">Certificates that are locked out now; refusals a day.</p>\n", title);
    for (size_t i = 0; i < groups->count; i++) {
        const struct report_group *group = groups->items[i];

        if (!is_shown(group) || left++ >= ROWS_MAX) {
            continue;
        }
        fputs("<div class=\"group\"><div><div class=\"name\">", to);
        tool_put_html(to, group->name, 100);
        fprintf(to,
                "</div><div class=\"bar\"><i style=\"width:%.1f%%\"></i><strong>%" PRIu64 "</strong></div></div>"
                "<div class=\"days\">",
                (double)group->certificates * 85 / (double)most, group->certificates);
        put_line(&group->days, last_day, to);
        fprintf(to, "<small>%" PRIu64 "</small></div></div>\n", group->period);
    }
    if (count > ROWS_MAX) {
        fprintf(to, "<p class=\"soft\">and %zu more</p>\n", count - ROWS_MAX);
    }
}
