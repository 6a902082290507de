from datetime import UTC, datetime
from pathlib import Path

import pysam
import pysam.bcftools
import pytest

from model.readers.variants import Variants
from model.readers.vcf import read_vcf
from schemas.tokens import VariantToken

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def read(path: Path, assay: str = "panel", specimen: str = "s-17", max_variants: int = 256) -> Variants:
    return read_vcf(path, at=NOON, assay=assay, specimen=specimen, max_variants=max_variants)


def vcf(folder: Path, rows: str, samples: str = "TUMOR", meta: str = "") -> Path:
    columns = "#CHROM POS ID REF ALT QUAL FILTER INFO" + (f" FORMAT {samples}" if samples else "")
    path = folder / "one.vcf"
    path.write_text(f"##fileformat=VCFv4.2\n{meta}" + "\t".join(columns.split()) + "\n" + rows.replace(" ", "\t"))
    return path


def only(variants: Variants) -> VariantToken:
    (token,) = variants.tokens
    return token


@pytest.mark.parametrize(
    ("row", "mutant", "depth", "vaf"),
    [
        pytest.param("1 5 . A T . PASS . GT:AD:AF:DP 0/1:90,10:0.12:101", 10, 101, 0.1, id="mutect2"),
        pytest.param("1 5 . A T . PASS . DP:AU:CU:GU:TU 50:30,31:0,0:0,0:10,12", 10, 50, 0.25, id="strelka-snv"),
        pytest.param("1 5 . A AT . PASS . DP:TAR:TIR 50:30,30:10,11", 10, 50, 0.25, id="strelka-indel"),
        pytest.param("1 5 . A T . PASS . GT:DP:VD:AD:AF 0/1:40:8:32,8:0.2", 8, 40, 0.2, id="vardict"),
        pytest.param("1 5 . A T . PASS . GT:DP:RD:AD:FREQ 0/1:40:35:5:12.5%", 5, 40, 0.125, id="varscan"),
        pytest.param("1 5 . A T . PASS . GT:FREQ 0/1:12.5%", None, None, 0.125, id="varscan-fraction-alone"),
        pytest.param("1 5 . A T . PASS . GT:VAF:DP 0/1:0.31:40", None, 40, 0.31, id="deepvariant-fraction-alone"),
        pytest.param("1 5 . A T . PASS . GT:VF:DP 0/1:0.31:40", None, 40, 0.31, id="pisces-fraction-alone"),
        pytest.param("1 5 . A T . PASS . GT:DP:RO:AO 0/1:40:30:10", 10, 40, 0.25, id="freebayes"),
        pytest.param("1 5 . A T . PASS . GT:NR:NV 0/1:40:10", 10, 40, 0.25, id="platypus"),
        pytest.param("1 5 . A T . PASS DP=80;AF=0.25 GT 0/1", None, 80, 0.25, id="info-where-nothing-else"),
        pytest.param("1 5 . A T . PASS DP=80;AF=0.25;AN=2 GT 0/1", None, 80, None, id="not-a-population-frequency"),
        pytest.param("1 5 . A T . PASS . GT:AD 0/1:0,0", 0, 0, None, id="no-reads-no-fraction"),
        pytest.param("1 5 . A T . PASS . GT:AD 0/1:.", None, None, None, id="missing-is-a-gap"),
    ],
)
def test_reads_come_from_where_each_caller_writes_them(
    tmp_path: Path, row: str, mutant: int | None, depth: int | None, vaf: float | None
) -> None:
    token = only(read(vcf(tmp_path, row)))
    assert (token.mutant_reads, token.depth) == (mutant, depth)
    assert token.vaf == (None if vaf is None else pytest.approx(vaf))


CALLERS = {
    "mutect2": """
##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Allelic depths for the ref and alt alleles in the order listed">
##FORMAT=<ID=AF,Number=A,Type=Float,Description="Allele fractions of alternate alleles in the tumor">
##FORMAT=<ID=SB,Number=4,Type=Integer,Description="Per-sample component statistics (Fisher's Exact Test)">
##INFO=<ID=AS_FilterStatus,Number=A,Type=String,Description="Filter status for each allele, separated by '|'.">
##INFO=<ID=AS_SB_TABLE,Number=1,Type=String,Description="Allele-specific forward/reverse read counts">
##INFO=<ID=MBQ,Number=R,Type=Integer,Description="median base quality by allele">
##ALT=<ID=NON_REF,Description="Represents any possible alternative allele at this location">
##GATKCommandLine=<ID=Mutect2,CommandLine="Mutect2 --output a.vcf",Version="4.2.0.0",Date="May 1, 2026">
##contig=<ID=HLA-A*01:01:01:01,length=3503>
|1 5 . A T . PASS AS_FilterStatus=weak_evidence,map_qual;AS_SB_TABLE=20,20|5,5;MBQ=30,31 GT:AD:SB 0/1:30,10:1,2,3,4
""",
    "strelka2": """
##INFO=<ID=SOMATIC,Number=0,Type=Flag,Description="Somatic mutation">
##INFO=<ID=MQ,Number=1,Type=Float,Description="RMS Mapping Quality">
##FORMAT=<ID=AU,Number=2,Type=Integer,Description="Number of 'A' alleles used in tiers 1,2">
##FORMAT=<ID=TU,Number=2,Type=Integer,Description="Number of 'T' alleles used in tiers 1,2">
##content=strelka somatic snv calls
|1 5 . A T . PASS SOMATIC;MQ=60.00;NT=ref;SGT=AA->AT DP:AU:TU 41:30,30:10,11
""",
    "freebayes": """
##INFO=<ID=CIGAR,Number=A,Type=String,Description="The extended CIGAR representation">
##FORMAT=<ID=GQ,Number=1,Type=Float,Description="Genotype Quality">
##FORMAT=<ID=GL,Number=G,Type=Float,Description="Genotype Likelihood">
##FORMAT=<ID=AO,Number=A,Type=Integer,Description="Alternate allele observation count">
|1 5 . A T 9.1e-15 . CIGAR=1X;AF=0.5;AN=2;AC=1 GT:GQ:RO:AO:GL 0/1:99.5:30:10:-1,0,-5.5
""",
    "vardict": """
##INFO=<ID=MSI,Number=1,Type=Float,Description="MicroSatellite. > 1 indicates MSI">
##FORMAT=<ID=MQ,Number=1,Type=Float,Description="Mean Mapping Quality">
##FORMAT=<ID=AD,Number=R,Type=Integer,Description="Allelic depths">
|1 5 . A T 120 PASS MSI=2.000;TYPE=SNV GT:DP:VD:AD:AF:MQ 0/1:40:10:30,10:0.2500:60.0
""",
    "varscan": """
##FORMAT=<ID=FREQ,Number=1,Type=String,Description="Variant allele frequency">
##FORMAT=<ID=AD,Number=1,Type=Integer,Description="Depth of variant-supporting bases (reads2)">
##FORMAT=<ID=DP4,Number=1,Type=String,Description="Strand read counts: ref/fwd, ref/rev, var/fwd, var/rev">
|1 5 . A T . PASS DP=80;SOMATIC;SS=2;SPV=1.1E-4 GT:GQ:DP:RD:AD:FREQ:DP4 0/1:.:40:30:10:25%:15,15,5,5
""",
}
"""Definitions and a line as each caller's current release writes them."""


@pytest.mark.parametrize("caller", sorted(CALLERS))
def test_what_callers_in_wide_use_write_is_read(tmp_path: Path, caller: str) -> None:
    meta, _, row = CALLERS[caller].strip().partition("\n|")
    token = only(read(vcf(tmp_path, row, meta=meta + "\n")))
    assert (token.mutant_reads, token.vaf) == (10, 0.25)


def test_lofreq_writes_four_strands_in_info_and_no_sample(tmp_path: Path) -> None:
    token = only(read(vcf(tmp_path, "1 5 . A T 60 PASS DP=100;AF=0.1;DP4=45,45,4,6", samples="")))
    assert (token.mutant_reads, token.depth) == (10, 100)
    assert token.vaf == pytest.approx(0.1)


def test_each_alternative_of_a_line_is_a_variant_with_its_own_reads(tmp_path: Path) -> None:
    found = read(vcf(tmp_path, "1 5 . A T,G . PASS . GT:AD:DP 0/1/2:50,30,20:100")).tokens
    assert {(token.change, token.mutant_reads, token.vaf) for token in found} == {
        ("chr1:5:A>T", 30, 0.3),
        ("chr1:5:A>G", 20, 0.2),
    }


@pytest.mark.parametrize(
    ("samples", "meta", "specimen", "reads", "flags"),
    [
        pytest.param("a b", "##tumor_sample=a\n", "b", 1, (), id="as-the-caller-says"),
        pytest.param("a b", "", "a", 1, (), id="the-event's-specimen"),
        pytest.param("TUMOR NORMAL", "", "s-17", 1, (), id="called-tumour"),
        pytest.param("x y-normal", "", "s-17", 1, (), id="not-the-normal"),
        pytest.param("a b", "##normal_sample=b\n", "s-17", 1, (), id="not-the-declared-normal"),
        pytest.param("TUMOR1 NORMAL1", "", "s-17", 1, (), id="numbered"),
        pytest.param("TUMOUR_2 Normal_2", "", "s-17", 1, (), id="numbered-apart"),
        pytest.param("p17tum p17normal", "", "s-17", 1, (), id="behind-a-number"),
        pytest.param("met NORMAL1", "", "s-17", 1, (), id="not-the-numbered-normal"),
        pytest.param("met p1_non-tumor", "", "s-17", 1, (), id="not-what-is-no-tumour"),
        pytest.param("met tumor_adjacent_normal", "", "s-17", 1, (), id="not-the-normal-beside-a-tumour"),
        pytest.param("met tumor", "##normal_sample=tumor\n", "s-17", 1, (), id="not-a-declared-normal-called-tumour"),
        pytest.param("blood_tumor skin_normal", "", "s-17", 1, (), id="a-tumour-of-the-blood"),
        pytest.param("TUMOR1 TUMOR2 PBMC", "", "s-17", 2, ("sample-assumed",), id="the-last-of-the-tumours"),
        pytest.param("a b", "", "s-17", 2, ("sample-assumed",), id="else-the-last-and-says-so"),
    ],
)
def test_the_sample_read_is_the_tumour(
    tmp_path: Path, samples: str, meta: str, specimen: str, reads: int, flags: tuple[str, ...]
) -> None:
    each = " ".join(("0/1:9,1", "0/1:8,2", "0/1:7,3")[: len(samples.split())])
    found = read(vcf(tmp_path, f"1 5 . A T . PASS . GT:AD {each}", samples, meta), specimen=specimen)
    assert (only(found).mutant_reads, found.flags) == (reads, flags)


@pytest.mark.parametrize(
    ("row", "assay", "expected"),
    [
        pytest.param("1 5 . A T . PASS . GT:AD 0/0:50,0", "panel", [], id="not-in-this-sample"),
        pytest.param("1 5 . A T . PASS . GT:AD 0/0:50,0", "ctdna", [0], id="zero-in-ctdna-is-a-measurement"),
        pytest.param("1 5 . A T . PASS . GT 0/0", "ctdna", [], id="no-reads-are-a-gap"),
        pytest.param("1 5 . A . . PASS . GT:AD 0/0:50", "ctdna", [], id="no-alternative"),
        pytest.param("1 5 . A <*> . PASS . GT:AD 0/0:50,3", "ctdna", [], id="reference-block"),
        pytest.param("1 5 . A <NON_REF> . . END=9 GT:AD 0/0:50,3", "panel", [], id="gvcf-block"),
        pytest.param("1 5 . A T,<NON_REF> . . . GT:AD 0/1:50,5,0", "panel", [5], id="gvcf-variant"),
        pytest.param("1 5 . A T . PASS . GT:AD 0/0:50,2", "panel", [2], id="reads-outweigh-a-genotype"),
    ],
)
def test_what_counts_as_a_variant(tmp_path: Path, row: str, assay: str, expected: list[int]) -> None:
    found = read(vcf(tmp_path, row), assay=assay).tokens
    assert [token.mutant_reads for token in found] == expected


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        pytest.param("GT:AD:DP ./.:.,.:. 0/1:20,20:40", 0, id="filled-in-by-a-merge"),
        pytest.param("GT:AD . 0/1:20,20", 0, id="left-off"),
        pytest.param("GT ./. 0/1", 0, id="genotype-alone"),
        pytest.param("DP:TAR:TIR .:.:. 40:20,20:20,20", 0, id="callers-without-genotypes"),
        pytest.param("GT:PP:NP ./.:7:3 ./.:0:0", 1, id="counted-in-fields-of-its-own"),
        pytest.param("GT:AF ./.:0.3 ./.:0", 1, id="a-fraction"),
        pytest.param("PR:SR 20,4:30,6 40,0:50,0", 1, id="no-genotype"),
    ],
)
def test_what_only_other_samples_have_is_not_said_of_this_one(tmp_path: Path, fields: str, count: int) -> None:
    found = read(vcf(tmp_path, f"1 5 . A AT . PASS AC=1 {fields}", samples="s-17 of-another"))
    assert len(found.tokens) == count


def test_a_genotype_of_one_dot_does_not_say_how_many_likelihoods_there_are(tmp_path: Path) -> None:
    (found,) = read(vcf(tmp_path, "1 5 . A T . PASS DP=10 GT:PL:AD .:30,3,0:2,8")).tokens
    assert (found.mutant_reads, found.depth) == (8, 10)


CSQ = '##INFO=<ID=CSQ,Number=.,Type=String,Description="by VEP. Format: Allele|Consequence|SYMBOL|Feature">\n'


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        pytest.param(
            "ANN=G|stop_gained|HIGH|X|,T|missense_variant&splice_region_variant|MODERATE|KRAS|",
            ("KRAS", "missense_variant"),
            id="snpeff-of-this-allele",
        ),
        pytest.param(
            "CSQ=T|intron_variant|OTHER|e1,T|stop_gained|TP53|e2", ("TP53", "stop_gained"), id="vep-most-severe"
        ),
        pytest.param(
            "Gene.refGene=EGFR;Func.refGene=exonic;ExonicFunc.refGene=stopgain", ("EGFR", "stop_gained"), id="annovar"
        ),
        pytest.param(
            "Gene.refGeneWithVer=EGFR;ExonicFunc.refGeneWithVer=stopgain",
            ("EGFR", "stop_gained"),
            id="annovar-versions",
        ),
        pytest.param("GENE=BRAF", ("BRAF", ""), id="gene-alone"),
        pytest.param(
            "ANN=T|intron_variant|MODIFIER|EML4|,T|bidirectional_gene_fusion|HIGH|ALK&EML4|",
            ("ALK&EML4", "bidirectional_gene_fusion"),
            id="snpeff-fusion",
        ),
        pytest.param(
            "ANN=T|exon_loss_variant|HIGH|TP53|,T|upstream_gene_variant|MODIFIER|WRAP53|",
            ("TP53", "exon_loss_variant"),
            id="snpeff-before-a-neighbour",
        ),
        pytest.param(
            "CSQ=T|upstream_gene_variant|OTHER|e1,T|splice_donor_5th_base_variant&intron_variant|ATM|e2",
            ("ATM", "splice_donor_5th_base_variant"),
            id="vep-near-a-splice-site",
        ),
        pytest.param(
            "CSQ=T|stop_retained_variant&3_prime_UTR_variant|ATM|e1",
            ("ATM", "stop_retained_variant"),
            id="vep-at-a-stop",
        ),
        pytest.param("DP=9", ("", ""), id="none"),
    ],
)
def test_gene_and_consequence_come_from_the_annotator(tmp_path: Path, info: str, expected: tuple[str, str]) -> None:
    token = only(read(vcf(tmp_path, f"1 5 . A T . PASS {info} GT 0/1", meta=CSQ)))
    assert (token.gene, token.consequence) == expected


FUNCOTATION = (
    '##INFO=<ID=FUNCOTATION,Number=A,Type=String,Description="Functional annotation from the Funcotator tool.  '
    "Funcotation fields are: Gencode_34_hugoSymbol|Gencode_34_ncbiBuild|Gencode_34_variantClassification|"
    'Gencode_34_secondaryVariantClassification|ClinVar_VCF_CLNSIG">\n'
)


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        pytest.param("[KRAS|hg38|MISSENSE||_%7C_]", ("KRAS", "missense_variant"), id="one"),
        pytest.param("[X|hg38|INTRON||]#[TP53|hg38|NONSENSE||]", ("TP53", "stop_gained"), id="transcripts"),
        pytest.param("[Unknown|hg38|IGR||]", ("", "intergenic_variant"), id="between-genes"),
    ],
)
def test_funcotator_says_gene_and_consequence(tmp_path: Path, info: str, expected: tuple[str, str]) -> None:
    row = f"1 5 . A G,T . PASS FUNCOTATION=[Z|hg38|SILENT||],{info} GT 0/2"
    found = read(vcf(tmp_path, row, meta=FUNCOTATION))
    assert (only(found).gene, only(found).consequence) == expected
    assert found.flags == ()


BCSQ = (
    '##INFO=<ID=BCSQ,Number=.,Type=String,Description="Haplotype-aware consequence annotation from BCFtools/csq. '
    'Format: Consequence|gene|transcript|biotype|strand|amino_acid_change|dna_change">\n'
)


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        pytest.param(
            "1 5 . A T . PASS BCSQ=intron|B|e2|coding,splice_acceptor&frameshift|KRAS|e1|coding|+|2K>2P|5A>T GT 0/1",
            ("KRAS", "splice_acceptor_variant"),
            id="most-severe",
        ),
        pytest.param(
            "1 5 . A T . PASS BCSQ=*missense|KRAS|e1|coding|+|4G>4D|5A>T GT 0/1",
            ("KRAS", "missense_variant"),
            id="behind-a-stop",
        ),
        pytest.param(
            "1 5 . A C,T . PASS BCSQ=stop_gained|KRAS|e1|coding|+|4G>4*|5A>C,missense|KRAS|e1|coding|+|4|5A>T GT 0/2",
            ("KRAS", "missense_variant"),
            id="of-this-alternative",
        ),
        pytest.param(
            "1 5 . A C,T . PASS BCSQ=stop_gained|KRAS|e1|coding|+|4G>4*|5A>C GT 0/2", ("KRAS", ""), id="of-another"
        ),
    ],
)
def test_bcftools_says_gene_and_consequence(tmp_path: Path, row: str, expected: tuple[str, str]) -> None:
    found = read(vcf(tmp_path, row, meta=BCSQ))
    assert (only(found).gene, only(found).consequence) == expected
    assert found.flags == ()


@pytest.mark.parametrize(
    ("meta", "info"),
    [
        pytest.param(BCSQ, "BCSQ=@4", id="told-on-another-line"),
        pytest.param(FUNCOTATION, "FUNCOTATION=[KRAS|hg38]", id="fewer-fields-than-the-header-lists"),
        pytest.param(BCSQ.replace("BCSQ", "EFF"), "EFF=missense|KRAS|e1", id="an-annotator-not-known"),
    ],
)
def test_an_annotation_that_is_not_read_is_flagged(tmp_path: Path, meta: str, info: str) -> None:
    found = read(vcf(tmp_path, f"1 5 . A T . PASS {info} GT 0/1", meta=meta))
    assert (only(found).gene, found.flags) == ("", ("annotation-unread",))


def test_what_bcftools_writes_is_read(tmp_path: Path) -> None:
    """Annotated by htslib's own bcftools csq: one exon, ATG AAA TGG, and a variant in each codon."""
    fasta, genes = tmp_path / "r.fa", tmp_path / "r.gff"
    fasta.write_text(">1\n" + "C" * 9 + "ATGAAATGGTAA" + "C" * 9 + "\n")
    genes.write_text(
        "##gff-version 3\n"
        "1\tx\tgene\t10\t21\t.\t+\t.\tID=gene:g1;Name=KRAS;biotype=protein_coding\n"
        "1\tx\tmRNA\t10\t21\t.\t+\t.\tID=transcript:e1;Parent=gene:g1;biotype=protein_coding\n"
        "1\tx\texon\t10\t21\t.\t+\t.\tParent=transcript:e1\n"
        "1\tx\tCDS\t10\t21\t.\t+\t0\tParent=transcript:e1\n"
    )
    pysam.faidx(str(fasta))
    meta = '##contig=<ID=1>\n##FORMAT=<ID=GT,Number=1,Type=String,Description="genotype">\n'
    plain = vcf(tmp_path, "1 13 . A C . PASS . GT 0|1\n1 18 . G A . PASS . GT 0|1\n", meta=meta)
    plain.write_text(str(pysam.bcftools.csq("-f", str(fasta), "-g", str(genes), "-p", "a", str(plain))))
    found = read(plain).tokens
    assert {token.change: (token.gene, token.consequence) for token in found} == {
        "chr1:13:A>C": ("KRAS", "missense_variant"),
        "chr1:18:G>A": ("KRAS", "stop_gained"),
    }


def test_the_consequence_of_one_alternative_is_not_said_of_another(tmp_path: Path) -> None:
    found = read(vcf(tmp_path, "1 5 . A T,G . PASS CSQ=T|stop_gained|TP53|e1 GT 1/2", meta=CSQ)).tokens
    said = {token.change: (token.gene, token.consequence) for token in found}
    assert said == {"chr1:5:A>T": ("TP53", "stop_gained"), "chr1:5:A>G": ("TP53", "")}


def test_annovar_says_each_alternative_after_the_other(tmp_path: Path) -> None:
    blocks = (
        f"ANNOVAR_DATE=2020-06-08;Func.refGene={where};Gene.refGene=TP53;ExonicFunc.refGene={what};ALLELE_END"
        for where, what in (("exonic", "stopgain"), ("exonic", "synonymous_SNV"), ("splicing", "."))
    )
    found = read(vcf(tmp_path, f"1 5 . A T,G,C . PASS DP=9;{';'.join(blocks)};LAST=1 GT 1/2/3")).tokens
    assert {token.change: (token.gene, token.consequence) for token in found} == {
        "chr1:5:A>T": ("TP53", "stop_gained"),
        "chr1:5:A>G": ("TP53", "synonymous_variant"),
        "chr1:5:A>C": ("TP53", "splice_site_variant"),
    }


def test_the_most_telling_are_kept_and_the_rest_is_flagged(tmp_path: Path) -> None:
    quiet = "".join(f"1 {10 + n} . A T . PASS ANN=T|intron_variant|LOW|G{n}| GT:DP 0/1:{n}\n" for n in range(60))
    loud = (
        "2 5 . A T . weak ANN=T|stop_gained|HIGH|TP53| GT:DP 0/1:99\n"
        "2 6 . A T . PASS ANN=T|missense_variant|MODERATE|KRAS| GT:DP 0/1:9\n"
    )
    found = read(vcf(tmp_path, quiet + loud), max_variants=3)
    assert [token.change for token in found.tokens] == ["chr2:6:A>T", "chr1:69:A>T", "chr1:68:A>T"]
    assert found.flags == ("truncated",)
    assert read(vcf(tmp_path, quiet + loud), max_variants=62).flags == ()


def test_alleles_of_megabases_are_told_apart_and_do_not_travel(tmp_path: Path) -> None:
    """Evidence larger than Kafka takes would stop the worker, and so every other patient."""
    rows = "".join(f"1 5 . {'A' * 2**20}{end} C . PASS . GT 0/1\n" for end in "CGT")
    found = read(vcf(tmp_path, rows)).tokens
    assert len({token.change for token in found}) == 3
    assert all(token.change.startswith("chr1:5:AAAA") and len(token.change) < 200 for token in found)
