#!/usr/bin/perl
# SPDX-License-Identifier: GPL-2.0
# usage: msrs.pl MODULE HEAD <TABLE >msrs.rst
# Prints the file HEAD, then a section for each row of the MSR table: TABLE is MODULE/msr_table.c
# behind the preprocessor. In HEAD, lines like @flags@ stand for the words that the sections use and
# what MODULE/msr.h says of them. Names of CPUID bits and callbacks come from MODULE's other files.
use strict;
use warnings;

my ($module, $head) = @ARGV;

sub text
{
	my ($file) = @_;

	open(my $in, '<', $file) or die "msrs.pl: $file: $!\n";
	local $/;
	return scalar <$in>;
}

# The kernel's macros that are left in the table's expressions.
sub BIT { return 1 << $_[0]; }
sub BIT_ULL { return 1 << $_[0]; }
sub GENMASK_ULL { return (~0 >> (63 - $_[0])) & (~0 << $_[1]); }

# The value of an expression of C with 64 bits.
sub number
{
	my ($expression) = @_;

	$expression =~ s/\(u64\)//g;
	$expression =~ s/\b(0x[0-9a-f]+|\d+)u?l{0,2}\b/$1/gi;
	no warnings 'portable'; # 64-bit literals
	my $value = eval $expression; ## no critic
	die "msrs.pl: cannot make a number of: $expression\n" unless defined $value;
	return $value;
}

# MSR_READ_ONLY -> read-only
sub word
{
	return lc($_[0] =~ s/^MSR_(CHECK_)?//r) =~ s/_/-/gr;
}

# What the word lists of HEAD become: each word, and below it what msr.h says of it.
my $msr_h = text("$module/msr.h");
my %lists;
while ($msr_h =~ /^ \* enum msr_(kind|check|result) - .*\n((?: \* @.*\n)+)(.*)/mg) {
	my ($list, $members, $end) = ($1, $2, $3);
	die "msr.h: a word of enum msr_$list takes more than one line\n" if $end ne ' */';
	$lists{$list} .= word($1) . "\n    $2\n" while $members =~ /@(\w+): (.*)/g;
}
my @flag_names;
while ($msr_h =~ m|^#define (MSR_\w+)\s+BIT\((\d+)\)\s+/\* (.*) \*/|mg) {
	my ($name, $bit, $meaning) = ($1, $2, $3);
	$flag_names[$bit] = word($name);
	$lists{flags} .= word($name) . "\n    $meaning\n";
}

# FEATURE_X -> CPUID.7H:EBX[1] (X)
my $cpuid_h = text("$module/cpuid.h");
my %features;
while ($cpuid_h =~ /FEATURE_(\w+) = CPUID_FEATURE\(CPUID_WORD_(\w+)_(\w+), (\d+)\)/g) {
	$features{"FEATURE_$1"} = "CPUID.$2H:$3\[$4] ($1)";
}

# Which callbacks each struct msr_ops has.
my %callbacks;
for my $file (glob("$module/*.c")) {
	my $source = text($file);
	while ($source =~ /^const struct msr_ops (\w+) = \{(.*?)\};/msg) {
		my ($ops, $members) = ($1, $2);
		$callbacks{$ops} = { map { $_ => 1 } $members =~ /\.(\w+) =/g };
	}
}

# Bits as the SDM writes them: bits 63:32, 7.
sub bits
{
	my ($mask) = @_;
	my @ranges;

	for (my $high = 63; $high >= 0; $high--) {
		next unless $mask >> $high & 1;
		my $low = $high;
		$low-- while $low > 0 && $mask >> ($low - 1) & 1;
		push @ranges, $low == $high ? $high : "$high:$low";
		$high = $low;
	}
	return (@ranges == 1 && $ranges[0] =~ /^\d+$/ ? 'bit ' : 'bits ') . join(', ', @ranges);
}

sub field
{
	my ($name, $value) = @_;

	print ":$name: $value\n" if $value ne '';
}

sub mask_field
{
	my ($name, $expression) = @_;
	my $mask = number($expression // 0);

	field($name, $mask ? sprintf('``0x%016x``, %s', $mask, bits($mask)) : '');
}

sub print_row
{
	my (%row) = @_;
	my $first = number($row{first});
	my $count = number($row{count} // 1);
	my $reset = number($row{reset} // 0);
	my $flags = number($row{flags} // 0);
	my $ops = $row{ops} ? substr($row{ops}, 1) : '';
	my $name = $row{name} =~ s/"//gr;
	my $where = $row{field} // ($row{kind} eq 'MSR_SPECIAL' ? $ops : '');
	my $has = $callbacks{$ops} // {};

	die "msrs.pl: $name: no callbacks $ops\n" if $ops && !%$has;
	print "\n$name\n", '-' x length($name), "\n\n";
	field('Index', $count == 1 ? sprintf('``0x%08x``', $first) :
	      sprintf('``0x%08x`` to ``0x%08x``', $first, $first + $count - 1));
	field('Kind', word($row{kind}) . ($where ? ", ``$where``" : ''));
	field('Reset', $has->{reset} ? "the vCPU's, by ``$ops``" :
	      $reset || !$has->{host_value} ? sprintf('``0x%016x``', $reset) : "the host's, by ``$ops``");
	field('As a feature', $reset && $has->{host_value} ? "the host's, by ``$ops``" : '');
	mask_field('Reserved', $row{gp_mask});
	mask_field('Fixed', $row{ro_mask});
	mask_field('Ignored', $row{ignore_mask});
	mask_field('Asked', $row{ask_mask});
	field('Check', $row{check} ? word($row{check}) : '');
	field('Guest needs', join(' or ', map { $features{$_} // die "msrs.pl: $_?\n" }
				  grep { defined } @row{qw(feature feature_alt)}));
	field('Flags', join(', ', @flag_names[grep { $flags >> $_ & 1 } 0 .. $#flag_names]));
	field('Source', $row{sdm} =~ s/"//gr);
}

my $table = do { local $/; <STDIN> };
$table =~ s/.*\bmsr_table\[\] = \{(.*?)\n?\};.*/$1/s or die "msrs.pl: no table\n";
my @rows = $table =~ /\{([^{}]*)\}/g or die "msrs.pl: no rows\n";

print text($head) =~ s/^@(\w+)@\n/$lists{$1} || die "msrs.pl: no $1 in msr.h\n"/megr;
for my $row (@rows) {
	$row =~ s/\s+/ /g;
	my %row = map { /^ ?\.(\w+) = (.*?),? ?$/ or die "msrs.pl: not a field: $_\n"; $1 => $2 }
		  split(/,(?= ?\.\w+ =)/, $row);
	print_row(%row);
}
