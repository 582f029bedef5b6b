import { Chart, type ChartConfiguration, registerables } from 'chart.js'
import type { PageChart } from '../report/chart.ts'

/*
 * What runs in the page: draws the charts that the page carries as JSON, in the colours of its scheme.
 */

Chart.register(...registerables)

const charts = JSON.parse(document.getElementById('charts')!.textContent!) as PageChart[]
const scheme = matchMedia('(prefers-color-scheme: dark)')
const reduced = matchMedia('(prefers-reduced-motion: reduce)')

const colour = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim()

const series = (index: number): string => colour(`--series-${index % 6}`)

const compact = new Intl.NumberFormat('en', { notation: 'compact', maximumSignificantDigits: 3 })

function common(): ChartConfiguration['options'] {
  Chart.defaults.color = colour('--ink-soft')
  Chart.defaults.borderColor = colour('--line')
  Chart.defaults.font.family = getComputedStyle(document.body).fontFamily
  Chart.defaults.font.size = 13
  return {
    responsive: true,
    maintainAspectRatio: false,
    animation: reduced.matches ? false : { duration: 300 },
  }
}

function bars(chart: PageChart): ChartConfiguration {
  const [only] = chart.series
  return {
    type: 'bar',
    data: {
      labels: [...chart.labels],
      datasets: [
        {
          label: chart.unit,
          data: [...only!.values],
          backgroundColor: chart.labels.map(label =>
            label.startsWith('rxkeeper') ? series(0) : colour('--bar-peer'),
          ),
          borderRadius: 3,
          maxBarThickness: 26,
        },
      ],
    },
    options: {
      ...common(),
      indexAxis: 'y',
      plugins: {
        legend: { display: false },
        tooltip: { callbacks: { label: item => `${compact.format(item.parsed.x!)} ${chart.unit}` } },
      },
      scales: {
        x: {
          beginAtZero: true,
          title: { display: true, text: chart.unit },
          ticks: { callback: value => compact.format(Number(value)), maxTicksLimit: 7 },
        },
        y: { grid: { display: false } },
      },
    },
  }
}

function curves(chart: PageChart): ChartConfiguration {
  return {
    type: 'line',
    data: {
      datasets: chart.series.map((each, i) => ({
        label: each.name,
        data: each.values.map((y, at) => ({ x: chart.points![at]!, y: y ?? Number.NaN })),
        borderColor: series(i),
        backgroundColor: series(i),
        borderWidth: 2,
        pointRadius: 4,
        pointStyle: (['circle', 'rect', 'triangle', 'rectRot'] as const)[i % 4]!,
      })),
    },
    options: {
      ...common(),
      interaction: { mode: 'index', intersect: false },
      plugins: {
        legend: { display: chart.series.length > 1, labels: { usePointStyle: true } },
        tooltip: {
          callbacks: {
            title: items => `${compact.format(items[0]!.parsed.x!)} ${chart.pointUnit}`,
            label: item => `${item.dataset.label}: ${compact.format(item.parsed.y!)} ${chart.unit}`,
          },
        },
      },
      scales: {
        x: {
          type: 'logarithmic',
          title: { display: true, text: chart.pointUnit ?? '' },
          ticks: { callback: value => (isRound(Number(value)) ? compact.format(Number(value)) : '') },
        },
        y: {
          type: 'logarithmic',
          title: { display: true, text: chart.unit },
          ticks: { callback: value => (isRound(Number(value)) ? compact.format(Number(value)) : '') },
        },
      },
    },
  }
}

/** 1, 2 or 5 times a power of ten: what is written at a logarithmic axis. */
function isRound(value: number): boolean {
  const mantissa = value / 10 ** Math.floor(Math.log10(value) + 1e-9)
  return [1, 2, 5].some(each => Math.abs(mantissa - each) < 1e-6)
}

let drawn: Chart[] = []
function draw(): void {
  for (const chart of drawn) chart.destroy()
  drawn = charts.map(chart => {
    const canvas = document.getElementById(chart.id) as HTMLCanvasElement
    return new Chart(canvas, chart.points === undefined ? bars(chart) : curves(chart))
  })
}

draw()
scheme.addEventListener('change', draw)
