# The questions of scripts/demo-python: each screen has the answer.
load ../lib/helper

setup_file() {
	cd "$BATS_FILE_TMPDIR"
	COLUMNS=110 TMPDIR=$BATS_FILE_TMPDIR B=$(dirname "$TIDEMARK") "$ROOT/scripts/demo-python" >all 2>&1 || {
		cat all
		return 1
	}
}

# screen QUESTION WORDS: what was printed under the title that has these words.
screen() { awk -v words="$1" '/^── /{ on = index($0, words) } on' "$BATS_FILE_TMPDIR/all" >screen; }
# has PATTERN...: each is on the screen.
has() {
	for pattern; do
		grep -qE -- "$pattern" screen || { echo "no $pattern in:"; cat screen; return 1; }
	done
}

@test "demo: a list needs at its peak what a generator does not" {
	screen "A list or a generator"
	[ "$(grep -c 'prints 2666646666700000' screen)" = 2 ]
	has '<(listcomp|module)> .*demo_list.py:1' # no function of its own from 3.12 on
}

@test "demo: __slots__ against dict" {
	screen "Does __slots__ pay"
	has 'type +__main__.Plain' 'type +__main__.Slotted'
	# Up to 3.10 attributes are in a dict, an object of its own.
	! is_python 3.11 || has '__slots__ in Plain would save about [0-9]'
}

@test "demo: equal strings against one that is interned" {
	screen "Equal strings"
	has '5,000 copies, 2[0-9]{2} KiB too many: "user-guest"' '5,001 strings begin with the prefix: 2 distinct, 1 interned'
}

@test "demo: small integers take nothing, large ones do" {
	screen "Which integers"
	has ' (9|10),[0-9]{3} .*variable .*\.large' ' 2 .*variable .*\.small'
}

@test "demo: cycles wait for gc, with and without __del__" {
	screen "Are cycles lost"
	if is_python 3.11; then
		has '2,000 objects in 1,000 cycles wait for gc' '^ *1,000 .* 1,000 +__main__.Node' '^ *1,000 .* 1,000 +__main__.Closing'
	else # with their dicts; its list of free dicts still refers to a few
		has '(3,9[0-9]{2}|4,000) objects in (9[89][0-9]|1,000) cycles wait for gc' '^ *1,000 .* (9[0-9]{2}|1,000) +__main__.Node' '^ *1,000 .* 1,000 +__main__.Closing'
	fi
}

@test "demo: weak references, closures, default arguments" {
	screen "Does a weak reference"
	has 'weak reference, which does not keep it alive' 'key "logo" of dict' '^ +reachable, 1 reference found, its reference count is 1'
	! grep -q 'objects of Image' screen # the other one is gone
	screen "What do closures"
	has 'closure of function make.<locals>.handler, variable captured ->' 'default argument default of function make.<locals>.handler ->'
}

@test "demo: caches" {
	screen "A cache without bound"
	has '^[0-9.]+ MiB .*variable __main__.pages' '5,000  dict of module __main__, key "pages" > key of dict'
	screen "What does lru_cache"
	has '1,000  dict of module __main__, key "ask" > cache of _lru_cache_wrapper'
}

@test "demo: a traceback pins a frame" {
	screen "Who holds the locals"
	has '__traceback__ of ValueError' 'tb_frame of traceback' 'frame handle line 4, local request -> 0x'
}

@test "demo: arenas that few objects pin, and pages that a forked worker has copied" {
	screen "All is freed"
	has 'less than a quarter of ([5-9]|[1-4][0-9]) is in use' 'held by [0-9]+ blocks of bytes, in arenas of [0-9.]+ MiB'
	screen "Forked workers"
	has 'forked: of [12][0-9.]+ MiB resident, at least 1[0-9.]+ MiB are this process'
}
