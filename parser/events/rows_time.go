package events

// tickDependencies are the bits of include/linux/tick.h that keep the tick.
var tickDependencies = []value{
	{"NONE", 0}, {"POSIX_TIMER", 1}, {"PERF_EVENTS", 2}, {"SCHED", 4},
	{"CLOCK_UNSTABLE", 8}, {"RCU", 0x10}, {"RCU_EXP", 0x20},
}

// hrtimerModes and clocks are those of include/trace/events/timer.h.
var (
	hrtimerModes = []value{
		{"ABS", 0}, {"REL", 1}, {"ABS|PINNED", 2}, {"REL|PINNED", 3}, {"ABS|SOFT", 4},
		{"REL|SOFT", 5}, {"ABS|PINNED|SOFT", 6}, {"REL|PINNED|SOFT", 7}, {"ABS|HARD", 8},
		{"REL|HARD", 9}, {"ABS|PINNED|HARD", 10}, {"REL|PINNED|HARD", 11},
	}
	clocks = []value{{"CLOCK_REALTIME", 0}, {"CLOCK_MONOTONIC", 1}, {"CLOCK_BOOTTIME", 7}, {"CLOCK_TAI", 11}}
)

// timeGroups are the tick and the timers.
var timeGroups = []group{
	{"timer", "include/trace/events/timer.h", []row{
		{names: "tick_stop", fields: "int success; int dependency",
			enums: []enum{{"dependency", tickDependencies}}},
		{names: "timer_init timer_cancel timer_expire_exit", fields: "void * timer"},
		{names: "timer_start", fields: "void * timer; void * function; unsigned long expires; unsigned long bucket_expiry; unsigned long now; unsigned int flags",
			forms: []string{
				"timer={timer} function={function} expires={expires} [timeout={}] bucket_expiry={bucket_expiry} cpu={} idx={} flags={flags}",
				"timer={timer} function={function} expires={expires} [timeout={}]{}flags={flags}",
			}},
		{names: "timer_expire_entry", fields: "void * timer; unsigned long now; void * function; unsigned long baseclk",
			forms: []string{"timer={timer} function={function} now={now} baseclk={baseclk}"}},
		{names: "timer_base_idle", fields: "bool is_idle; unsigned int cpu"},
		{names: "hrtimer_init", fields: "void * hrtimer; clockid_t clockid; enum hrtimer_mode mode",
			enums: []enum{{"clockid", clocks}, {"mode", hrtimerModes}}},
		// trace-cmd's hrtimer plugin prints neither mode nor was_armed.
		{names: "hrtimer_start", fields: "void * hrtimer; void * function; s64 expires; s64 softexpires; enum hrtimer_mode mode; bool was_armed",
			enums: []enum{{"mode", hrtimerModes}}},
		// The plugin prints now before function.
		{names: "hrtimer_expire_entry", fields: "void * hrtimer; s64 now; void * function",
			forms: []string{
				"hrtimer={hrtimer} function={function} now={now}",
				"hrtimer={hrtimer} now={now} function={function}",
			}},
		{names: "hrtimer_expire_exit hrtimer_cancel", fields: "void * hrtimer"},
		{names: "itimer_state", fields: "int which; unsigned long long expires; long value_sec; long value_nsec; long interval_sec; long interval_nsec",
			forms: []string{"which={which} expires={expires} it_value={value_sec}.{} it_interval={interval_sec}.{}"}},
		{names: "itimer_expire", fields: "int which; pid_t pid; unsigned long long now"},
	}},
}
